"""Synthetic knees."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.app import Jobs, app, console


@app.command()
def phantom(
    out: Annotated[Path, typer.Option(help="Folder of the cohort.")] = Path("build/phantom"),
    subjects: Annotated[int, typer.Option(min=1, help="How many; 80 are the paper's cohort.")] = 80,
    seed: Annotated[int, typer.Option(min=0, help="Everything is drawn from it.")] = 1,
    difficulty: Annotated[
        str, typer.Option(help="easy, standard or hard: dose, noise, coils, overlap of the classes.")
    ] = "standard",
    jobs: Jobs = 2,
) -> None:
    """Draw a paired cohort, MR and CT of the same knees, as DICOM archives with known truth.

    OUT/archive is what a hospital's archive would hold (about 265 MB a subject), OUT/clinical.csv the grades
    and cartilage scores, OUT/truth what only a phantom knows: transforms, landmarks, labels, parameters.
    Stopped, it goes on where it was; the same seed gives the same bytes. Read it with `ctsma-train cohort`.
    """
    from trainer.phantom.difficulty import DIFFICULTIES
    from trainer.phantom.paired_cohort import ARCHIVE, PhantomSettings, write_cohort
    from trainer.stage import progress

    if difficulty not in DIFFICULTIES:
        raise typer.BadParameter(f"no difficulty {difficulty!r}: choose {', '.join(DIFFICULTIES)}")
    settings = PhantomSettings(subjects, seed, difficulty)
    try:
        with progress() as bar:
            task = bar.add_task("subjects", total=subjects, note="")
            for done in write_cohort(out, settings, min(jobs, subjects)):
                bar.update(task, advance=1, note=done)
    except ValueError as e:
        console.print(f"[red]{e}")
        raise typer.Exit(2) from e
    console.print(f"{subjects} subjects in {out}; next: ctsma-train cohort {out / ARCHIVE}")


@app.command()
def scan(
    out: Annotated[Path, typer.Option(help="Folder of the subjects.")] = Path("phantoms"),
    subjects: Annotated[int, typer.Option(min=1, help="How many.")] = 1,
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
