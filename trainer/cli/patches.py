"""Paired patches with labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from trainer.cli.app import Jobs, app, console, evaluation

if TYPE_CHECKING:
    from trainer.patches.stage import Done

NOTHING = 3


@app.command()
def patches(
    archive: Annotated[Path, typer.Argument(help="Folder that `ctsma-train cohort` read.")],
    cohort: Annotated[Path, typer.Option(help="Folder of its cohort.json.")] = Path("build/cohort"),
    transforms: Annotated[
        Path,
        typer.Option(help="PAIR.json of registration, or the truth of a phantom cohort (OUT/truth)."),
    ] = Path("build/registration"),
    out: Annotated[Path, typer.Option(help="Folder of patches.zarr.")] = Path("build/patches"),
    bundle: Annotated[Path | None, typer.Option(help="Bundle that finds the bones; the default one.")] = None,
    drawn: Annotated[int, typer.Option(help="Points drawn in each bone beside its 100 subregions.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the drawn points.")] = 0,
    protocols: Annotated[
        bool,
        typer.Option(help="Show each CT as other doses, kernels, slices and fields of view would, too."),
    ] = True,
    native: Annotated[
        bool, typer.Option("--native", help="Cut each CT at its own resolution, too: 100 kB a patch.")
    ] = False,
    calibration: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Of `ctsma-train calibrate-morphometry`, for MR of other voxels; the one that ships.",
        ),
    ] = None,
    jobs: Jobs = 2,
) -> None:
    """Cut paired CT and MR patches and measure the trabeculae of each on its MR.

    The CT goes through the node's own analysis; the MR is measured at the same places of the same bones, on
    its own grid. Stopped, it goes on where it was. Patches in OUT of pairs that are refused now, or have left
    the cohort, are removed. Exit code 3 where no pair gave patches.
    """
    from ctsma_node.errors import NodeError
    from trainer.patches.labelling import Sampling
    from trainer.patches.stage import PatchRequest, count_pairs, run
    from trainer.stage import progress

    _check(calibration)
    sampling = Sampling(drawn, seed, protocols, native)
    request = PatchRequest(archive, cohort, transforms, out, bundle, jobs, sampling, calibration)
    ended: list[Done] = []
    try:
        with progress() as bar:
            task = bar.add_task("pairs", total=count_pairs(cohort), note="")
            for done in run(request):
                ended.append(done)
                bar.update(task, advance=1, note=done.pair_id)
    except (NodeError, OSError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
    _show(ended, out)
    if all(done.code for done in ended):
        raise typer.Exit(NOTHING)


def _check(calibration: Path | None) -> None:
    """Once, and not in every pair."""
    from trainer.morphometry.calibration import read_calibration

    try:
        if calibration is not None:
            read_calibration(calibration)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise typer.BadParameter(f"{calibration} is no calibration: {error}") from error


@app.command()
def scans(
    out: Annotated[Path, typer.Option(help="Folder of patches.zarr.")] = Path("build/scans"),
    count: Annotated[int, typer.Option("--scans", min=5, help="People, each scanned once.")] = 200,
    points: Annotated[int, typer.Option(help="Points drawn in each bone beside its 100 subregions.")] = 25,
    first_seed: Annotated[int, typer.Option(help="Of the people; others than those of a cohort.")] = 200_000,
    bundle: Annotated[Path | None, typer.Option(help="Bundle whose subregions are cut; the default.")] = None,
    jobs: Jobs = 2,
) -> None:
    """Scan drawn people without MR, each by another CT: more people and scanners for the student.

    Labels are the drawn structure's own, which only drawings have. `student --scans OUT` and
    `aggregator --scans OUT` learn from them beside the cohort's pairs. Stopped, it goes on where it was.
    Scans in OUT that are not asked for are removed.
    """
    from ctsma_node.analysis.bundle import read_bundle
    from ctsma_node.errors import NodeError
    from trainer.patches.scans import ScanSettings, run

    try:
        made = run(out, read_bundle(bundle).plan, ScanSettings(count, points, first_seed), jobs)
    except (NodeError, OSError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
    console.print(f"{made} scans in {out}", highlight=False)


def _show(rows: list[Done], out: Path) -> None:
    left_out = [done for done in rows if done.code]
    if left_out:
        table = Table("pair", "code", "why", title="left out")
        for done in left_out:
            table.add_row(done.pair_id, done.code, done.text)
        console.print(table)
    made = [done for done in rows if done.patches]
    count = sum(done.patches for done in made)
    console.print(f"{len(rows) - len(left_out)} pairs in {out}, {count} patches made now")
    if made:
        seconds = sum(done.seconds for done in made)
        console.print(
            f"{seconds / len(made):.1f} s of one process a pair, "
            f"{count / seconds:.0f} patches a second of one process"
        )


@evaluation.command("labels")
def evaluate_labels(
    folder: Annotated[Path, typer.Option("--patches", help="Folder of patches.zarr.")] = Path(
        "build/patches"
    ),
    phantom: Annotated[Path, typer.Option(help="The drawn cohort that the patches came from.")] = Path(
        "build/phantom"
    ),
    out: Annotated[Path | None, typer.Option(help="Write the figures here as JSON.")] = None,
) -> None:
    """Score the labels of a drawn cohort against its truth: what a student can learn from them at best."""
    import json

    import numpy as np

    from ctsma_node.errors import NodeError
    from trainer.evaluation.labels import agreement, read_pairs
    from trainer.stage import progress

    parts = []
    try:
        with progress() as bar:
            task = bar.add_task("pairs", total=None, note="")
            for pair, *arrays in read_pairs(folder, phantom):
                parts.append(arrays)
                bar.update(task, advance=1, note=pair)
    except NodeError as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(2) from error
    figures = agreement(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    counts = figures.pop("patches")
    table = Table(
        "parameter", *next(iter(figures.values())), title=f"{counts['labelled']:.0f} labelled patches"
    )
    for name, values in figures.items():
        table.add_row(name, *(f"{value:.3f}" for value in values.values()))
    console.print(table)
    if out is not None:
        out.write_text(json.dumps(figures | {"patches": counts}, indent=1) + "\n")
