"""What is usual, and how well the node tells what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.app import BUILD, Build, Jobs, app, console, evaluation, show


@app.command()
def familiarity(
    build: Build = BUILD,
    patches: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folders of `patches` and `scans` [BUILD/patches and, if it is there, BUILD/scans]."
        ),
    ] = None,
    jobs: Jobs = 2,
) -> None:
    """Learn what the student's knees look like, so that the node marks or refuses one that is unlike them.

    Limits come from knees that were left out of the fit that judged them. `bundle` takes the result along.
    """
    from ctsma_node.errors import NodeError
    from trainer.familiarity.stage import run

    try:
        figures = run(build / "familiarity", patches or [build / "patches", build / "scans"], jobs)
    except (NodeError, OSError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
    show("knees left out of the fit", figures)


@evaluation.command("familiarity")
def evaluate_familiarity(
    build: Build = BUILD,
    bundle: Annotated[
        Path | None,
        typer.Option(help="Bundle folder; without, the default bundle with BUILD/familiarity."),
    ] = None,
    good: Annotated[int, typer.Option(help="Sound knees.")] = 80,
    planted: Annotated[int, typer.Option(help="Scans that each fault is planted in.")] = 10,
    first_seed: Annotated[int, typer.Option(help="Unseen seeds start here.")] = 950_000,
    out: Annotated[Path | None, typer.Option(help="Write the figures here as JSON.")] = None,
    jobs: Jobs = 2,
) -> None:
    """Count good knees that are marked or refused, and planted ones that are not: the whole node's answer."""
    from ctsma_node.errors import NodeError
    from trainer.evaluation.familiarity.report import Request, evaluate

    request = Request(build / "familiarity", bundle, good, planted, first_seed, jobs)
    try:
        figures = evaluate(request, console)
    except NodeError as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(2) from error
    if out is not None:
        out.write_text(json.dumps(figures, indent=1) + "\n")
