"""Measuring trabeculae: how well, and the calibration of the labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from trainer.cli.app import BUILD, Build, Jobs, app, console, evaluation


@app.command("morphometry")
def analytic(
    angles: Annotated[int, typer.Option(help="Rotations of each solid.")] = 3,
) -> None:
    """Print the error of each method on plates, rods, spheres and boxes whose parameters are known."""
    from rich.table import Table

    from trainer.morphometry.analytic import METHODS, PIXELS, VOXELS, cases
    from trainer.morphometry.solids import SOLIDS
    from trainer.stage import progress

    with progress() as bar:
        total = len(METHODS) * len(SOLIDS) * len(VOXELS) * len(PIXELS)
        task = bar.add_task("solids", total=total, note="")
        found = []
        for case in cases(pixels=PIXELS, angles=angles):
            found.append(case)
            bar.update(task, advance=1, note=f"{case.solid}, voxel {case.voxel}, {case.pixels} px")
    columns = ("solid", "voxel", "method", *(f"{p} px" for p in PIXELS))
    for title, field in (
        ("Tb.Th", "thickness"),
        ("Tb.Sp", "separation"),
        ("Tb.N", "number"),
        ("BV/TV", "bvtv"),
    ):
        table = Table(*columns, title=f"{title}: mean error, %")
        for solid in SOLIDS:
            for voxel in VOXELS:
                for method in METHODS:
                    row = [c for c in found if (c.solid, c.voxel, c.method) == (solid.name, voxel, method)]
                    values = [getattr(c, field) for c in row]
                    if any(v is not None for v in values):
                        cells = ["" if v is None else f"{v:+.1f}" for v in values]
                        table.add_row(solid.name, voxel, method, *cells)
        console.print(table)


@app.command("calibrate-morphometry")
def calibrate(
    build: Build = BUILD,
    jobs: Jobs = 2,
    subjects: Annotated[int, typer.Option(min=1, help="Phantom subjects.")] = 40,
    first_seed: Annotated[int, typer.Option(help="Seed of the first subject.")] = 5000,
    difficulty: Annotated[
        list[str] | None, typer.Option(help="easy, standard or hard; may be repeated.")
    ] = None,
    pixel: Annotated[
        float | None, typer.Option(min=0.1, max=0.6, help="Side of the MR's pixels, mm [0.234].")
    ] = None,
    slice_: Annotated[
        float | None, typer.Option("--slice", min=0.3, max=4.0, help="Thickness of its slices, mm [1.5].")
    ] = None,
    out: Annotated[Path, typer.Option(help="The calibration.")] = Path("calibration.json"),
) -> None:
    """Fit the calibration from apparent to true parameters on phantoms (not those of an evaluation).

    It holds for the voxels that the phantoms are scanned in: name your MR's, and give the file to `patches
    --calibration`. Slices adjoin; the difficulty says how noisy a voxel is, whatever its size.
    """
    from trainer.morphometry.fitting import run
    from trainer.phantom.mr_acquisition import MRAcquisition

    plain = MRAcquisition()
    wanted = _difficulties(difficulty or ["standard"])
    seeds = range(first_seed, first_seed + subjects)
    voxel = None if pixel is slice_ is None else (pixel or plain.pixel, slice_ or plain.slice_thickness)
    calibration = run(seeds, wanted, build / "morphometry" / "calibration", out, jobs, voxel)
    console.print(f"{out}: {calibration.provenance['patches']} patches of {subjects} subjects")


@evaluation.command("morphometry")
def evaluate(
    build: Build = BUILD,
    jobs: Jobs = 2,
    subjects: Annotated[int, typer.Option(min=1, help="Phantom subjects, each scanned twice.")] = 20,
    first_seed: Annotated[int, typer.Option(help="Unseen seeds start here.")] = 900_000,
    difficulty: Annotated[str, typer.Option(help="easy, standard or hard.")] = "standard",
) -> None:
    """Compare every method on MR with the phantoms' truth, and with a second scan of the same knees."""
    from trainer.morphometry.validation import run

    (wanted,) = _difficulties([difficulty])
    seeds = range(first_seed, first_seed + subjects)
    figures = run(seeds, wanted, build / "morphometry" / f"evaluation-{wanted}", jobs)
    console.print(f"{figures['patches']} patches of {figures['subjects']} subjects, {wanted}")
    _show_methods(figures)
    _show_references(figures)


def _difficulties(wanted: list[str]) -> list[str]:
    from trainer.phantom.difficulty import DIFFICULTIES

    for one in wanted:
        if one not in DIFFICULTIES:
            raise typer.BadParameter(f"no difficulty {one!r}: choose {', '.join(DIFFICULTIES)}")
    return wanted


def _show_methods(figures: dict[str, Any]) -> None:
    from rich.table import Table

    titles = {
        "apparent_r": "apparent: r",
        "apparent_icc": "apparent: ICC(2,1)",
        "r": "calibrated: r",
        "icc": "calibrated: ICC(2,1)",
        "retest_icc": "scanned again: ICC(2,1)",
        "retest_cv": "scanned again: RMS-CV",
    }
    for key, title in titles.items():
        methods = figures["methods"]
        table = Table("method", *next(iter(methods.values())), title=title)
        for name, parameters in methods.items():
            table.add_row(name, *(f"{figures_of[key]:.3f}" for figures_of in parameters.values()))
        console.print(table)


def _show_references(figures: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("marrow reference", "r", "ICC(2,1)", title="app.BV/TV by marrow reference")
    for name, row in figures["references"].items():
        table.add_row(name, f"{row['r']:.3f}", f"{row['icc']:.3f}")
    console.print(table)
