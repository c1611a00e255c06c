"""Synthetic knees."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.app import app


@app.command()
def scan(
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
