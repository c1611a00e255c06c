"""`ctsma-train`: build the models that the node runs, stage by stage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(
    help="Build the models that the node runs. Each command is a stage: it reads one folder and writes the "
    "next, and goes on where it was stopped.",
    epilog="From nothing to a bundle:  segmenter, student, aggregator, bundle, evaluate.",
    no_args_is_help=True,
    add_completion=False,
)
console = Console()

Build = Annotated[Path, typer.Option(help="Folder of all stages.")]
Jobs = Annotated[int, typer.Option(help="Processes side by side.")]
BUILD = Path("build")


def _show(title: str, figures: dict[str, float]) -> None:
    table = Table("figure", "value", title=title)
    for name, value in figures.items():
        table.add_row(name, f"{value:.3f}")
    console.print(table)


@app.command()
def segmenter(
    build: Build = BUILD,
    jobs: Jobs = 2,
    knees: Annotated[int, typer.Option(help="Training knees, 12 of them held out.")] = 112,
    fields: Annotated[int, typer.Option(help="Training fields of view of the finder.")] = 120,
    steps: Annotated[int, typer.Option(help="Steps of the segmenter; the finder takes half.")] = 1800,
) -> None:
    """Train the knee finder and the bone segmenter on drawn knees."""
    from trainer.segmentation.stage import SegmenterSettings, run

    settings = SegmenterSettings(
        knees=knees, fields=fields, segmenter_steps=steps, finder_steps=steps // 2, jobs=jobs
    )
    _show("held-out knees", run(build / "segmenter", settings))


@app.command()
def student(
    build: Build = BUILD,
    jobs: Jobs = 2,
    knees: Annotated[int, typer.Option(help="Scanned knees, 20 of them held out.")] = 96,
    steps: Annotated[int, typer.Option(help="Training steps of 256 patches.")] = 1600,
) -> None:
    """Train the CT student on patches whose truth is known."""
    from trainer.distillation.stage import StudentSettings, run

    _show("held-out knees", run(build / "student", StudentSettings(knees=knees, steps=steps, jobs=jobs)))


@app.command()
def aggregator(
    build: Build = BUILD,
    jobs: Jobs = 2,
    knees: Annotated[int, typer.Option(help="Knees of the cohort, one in five held out.")] = 400,
    steps: Annotated[int, typer.Option(help="Training steps of 32 knees.")] = 2500,
) -> None:
    """Train the aggregator on a cohort, with the student's errors (run `student` first)."""
    from trainer.aggregation.stage import AggregatorSettings, run

    settings = AggregatorSettings(knees=knees, steps=steps, jobs=jobs)
    _show("held-out knees", run(build / "aggregator", build / "student", settings))


@app.command()
def bundle(
    build: Build = BUILD,
    out: Annotated[Path, typer.Option(help="Folder of the new bundle.")] = Path("bundle"),
    name: Annotated[str, typer.Option(help="Name of the bundle.")] = "synthetic",
    version: Annotated[str, typer.Option(help="Version of the bundle.")] = "1",
) -> None:
    """Put the trained stages together as a bundle that the node loads."""
    from trainer.export import run

    try:
        digest = run(build, out, name=name, version=version)
    except FileNotFoundError as e:
        console.print(f"[red]{e}")
        raise typer.Exit(2) from e
    size = sum(f.stat().st_size for f in out.iterdir())
    console.print(f"{out}: {size / 1e6:.1f} MB, digest {digest}")


@app.command()
def evaluate(
    knees: Annotated[int, typer.Option(help="Fields of view with one knee or two.")] = 20,
    first_seed: Annotated[int, typer.Option(help="Unseen seeds start here.")] = 900_000,
    bundle: Annotated[Path | None, typer.Option(help="Bundle folder; the default bundle without.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures here as JSON.")] = None,
) -> None:
    """Score a bundle on phantoms it has not seen: bones, sides, ICC(2,1) of the four parameters, AUC."""
    from trainer.evaluation.report import evaluate_bundle

    figures = evaluate_bundle(range(first_seed, first_seed + knees), bundle, console)
    if out is not None:
        out.write_text(json.dumps(figures, indent=1) + "\n")


@app.command()
def phantom(
    out: Annotated[Path, typer.Option(help="Folder of the subjects.")] = Path("phantoms"),
    subjects: Annotated[int, typer.Option(help="How many.")] = 1,
    first_seed: Annotated[int, typer.Option(help="Seed of the first subject.")] = 1,
    preset: Annotated[str, typer.Option(help="routine, paper, table2, small, or random.")] = "routine",
    sides: Annotated[str, typer.Option(help="R, L, or RL for both knees in one field of view.")] = "R",
) -> None:
    """Draw synthetic knee CTs as DICOM series (OUT/SEED/dicom), each with its truth beside it."""
    from ctsma_node.analysis.result import Side
    from trainer.phantom.acquisition import PRESETS
    from trainer.phantom.series import write_subject
    from trainer.stage import progress

    if preset not in (*PRESETS, "random"):
        raise typer.BadParameter(f"no preset {preset!r}: choose {', '.join(PRESETS)} or random")
    if sides not in ("R", "L", "RL"):
        raise typer.BadParameter(f"no sides {sides!r}: choose R, L or RL")
    with progress() as bar:
        task = bar.add_task("subjects", total=subjects, note="")
        for seed in range(first_seed, first_seed + subjects):
            write_subject(seed, out / f"{seed:06d}", PRESETS.get(preset), sides=tuple(Side(s) for s in sides))
            bar.update(task, advance=1, note=str(out / f"{seed:06d}"))


if __name__ == "__main__":
    app()
