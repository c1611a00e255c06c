"""Knees in shapes that the generator did not make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.app import console, evaluation


@evaluation.command("shapes")
def evaluate_shapes(
    files: Annotated[
        list[Path], typer.Argument(help="Label images of segmented knees, of any format that ITK reads.")
    ],
    femur: Annotated[int, typer.Option(help="The femur's voxel value.")] = 1,
    tibia: Annotated[int, typer.Option(help="The tibia's.")] = 2,
    patella: Annotated[int, typer.Option(help="The patella's; a drawn one where no voxel has it.")] = 3,
    fibula: Annotated[int, typer.Option(help="The fibula's; a drawn one where no voxel has it.")] = 4,
    left: Annotated[bool, typer.Option("--left", help="They are left knees.")] = False,
    bundle: Annotated[Path | None, typer.Option(help="Bundle folder [the default one].")] = None,
    knees: Annotated[int, typer.Option(help="Knees to draw, in the files' shapes by turns.")] = 20,
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
