"""Knees in shapes that the generator did not make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.app import Jobs, console, evaluation

Files = Annotated[
    list[Path], typer.Argument(help="Label images of segmented knees, of any format that ITK reads.")
]
Femur = Annotated[int, typer.Option(help="The femur's voxel value.")]
Tibia = Annotated[int, typer.Option(help="The tibia's.")]
Patella = Annotated[int, typer.Option(help="The patella's; a drawn one where no voxel has it.")]
Fibula = Annotated[int, typer.Option(help="The fibula's; a drawn one where no voxel has it.")]
Left = Annotated[bool, typer.Option("--left", help="They are left knees.")]
Bundle = Annotated[Path | None, typer.Option(help="Bundle folder; the default one without.")]


@evaluation.command("shapes")
def evaluate_shapes(
    files: Files,
    femur: Femur = 1,
    tibia: Tibia = 2,
    patella: Patella = 3,
    fibula: Fibula = 4,
    left: Left = False,
    bundle: Bundle = None,
    knees: Annotated[int, typer.Option(min=1, help="Knees to draw, in the files' shapes by turns.")] = 20,
    first_seed: Annotated[int, typer.Option(help="Unseen seeds start here.")] = 980_000,
    out: Annotated[Path | None, typer.Option(help="Write the figures here as JSON.")] = None,
) -> None:
    """Draw CTs of bones that somebody segmented, and hold what the node measures against what was drawn.

    Tissue, scanner and protocol are the phantom's; only the shapes are not. What the generator's own knees
    have in common cannot be seen from them.
    """
    from ctsma_node.errors import NodeError
    from trainer.evaluation.shapes.table import evaluate
    from trainer.phantom.structure import Part

    labels = {Part.FEMUR: femur, Part.TIBIA: tibia, Part.PATELLA: patella, Part.FIBULA: fibula}
    try:
        figures = evaluate(files, labels, left, bundle, range(first_seed, first_seed + knees), console)
    except NodeError as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(2) from error
    if out is not None:
        out.write_text(json.dumps(figures, indent=1) + "\n")


@evaluation.command("staging")
def evaluate_staging(
    files: Files,
    answers: Annotated[
        Path, typer.Option(help="What the bundle's student answered, from `ctsma-train aggregator --asked`.")
    ] = Path("build/aggregator/answers"),
    femur: Femur = 1,
    tibia: Tibia = 2,
    patella: Patella = 3,
    fibula: Fibula = 4,
    left: Left = False,
    bundle: Bundle = None,
    knees: Annotated[int, typer.Option(min=1, help="Knees to draw, in the files' shapes by turns.")] = 96,
    first_seed: Annotated[int, typer.Option(help="Unseen seeds start here.")] = 987_000,
    out: Annotated[Path, typer.Option(help="Folder of the knees and of staging.json.")] = Path(
        "build/evaluation/staging"
    ),
    jobs: Jobs = 2,
) -> None:
    """Stage knees in shapes that somebody segmented by their true parameters, and with a student's errors.

    No CT is drawn, so that there can be hundreds: `evaluate shapes` shows what the whole analysis makes of a
    few.
    """
    from rich.table import Table

    from ctsma_node.errors import NodeError
    from trainer.evaluation.shapes.staging import KneesInShapes, stage_knees
    from trainer.phantom.structure import Part
    from trainer.phantom.subregions import templates_of

    labels = ((Part.FEMUR, femur), (Part.TIBIA, tibia), (Part.PATELLA, patella), (Part.FIBULA, fibula))
    make = KneesInShapes(tuple(path.absolute() for path in files), labels, left, templates_of(bundle))
    try:
        seeds = range(first_seed, first_seed + knees)
        figures = stage_knees(make, seeds, answers, bundle, out / "knees", jobs)
    except NodeError as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(2) from error
    table = Table("", *figures)
    for name in next(iter(figures.values())):
        table.add_row(name, *(f"{column[name]:.3f}" for column in figures.values()))
    console.print(table)
    (out / "staging.json").write_text(json.dumps(figures, indent=1) + "\n")
