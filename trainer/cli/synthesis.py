"""MR to CT synthesis."""

from __future__ import annotations

import os
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.app import Jobs, Precision, PrecisionName, app, console, show


class _Method(StrEnum):
    SPSNET = "spsnet"
    CYCLEGAN = "cyclegan"
    MUNIT = "munit"


class _Preset(StrEnum):
    QUICK = "quick"
    FULL = "full"


@app.command()
def synthesis(
    archive: Annotated[Path, typer.Argument(help="Folder that `ctsma-train cohort` read.")],
    method: Annotated[_Method, typer.Option(help="SPSNet (the paper's), or a baseline.")] = _Method.SPSNET,
    cohort: Annotated[Path, typer.Option(help="Folder of its cohort.json.")] = Path("build/cohort"),
    out: Annotated[Path | None, typer.Option(help="Folder of the result; build/synthesis/METHOD.")] = None,
    preset: Annotated[
        _Preset, typer.Option(help="quick: 96 pixels, for a CPU. full: the paper's size, for GPUs.")
    ] = _Preset.QUICK,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps; the preset's without.")] = None,
    held_out: Annotated[
        list[int],
        typer.Option(min=-1, help="Fold that is not trained on; more than once for more; -1 trains on all."),
    ] = [0],  # noqa: B006 - typer copies it
    edges: Annotated[
        bool, typer.Option("--edges", help="The preprint's edge channel (SPSNet, CycleGAN).")
    ] = False,
    information: Annotated[
        float | None,
        typer.Option(min=0.0, help="SPSNet's weight of mutual information; the preset's without."),
    ] = None,
    detail: Annotated[
        bool,
        typer.Option("--detail", help="A path at full resolution through SPSNet's or CycleGAN's generators."),
    ] = False,
    precision: Precision = PrecisionName.AUTO,
    slices: Annotated[Path, typer.Option(help="Folder that prepared slices are kept in.")] = Path(
        "build/synthesis/slices"
    ),
    bundle: Annotated[Path | None, typer.Option(help="Bundle that finds the knee; the default one.")] = None,
    seed: Annotated[int, typer.Option(help="Of weights, batches and styles.")] = 1,
    jobs: Jobs = 2,
) -> None:
    """Train a network that turns MRs into CTs (paper, section 3.1.2).

    Every pair's MR is first laid over its CT by one rigid motion and both are cut into sagittal slices, which
    all methods share. Stopped, it goes on where it was. Watch it with: tensorboard --logdir OUT/log

    Several GPUs: torchrun --nproc-per-node GPUS -m trainer.cli synthesis ARCHIVE --preset full
    """
    from ctsma_node.errors import NodeError
    from trainer.synthesis.grid import SliceGrid
    from trainer.synthesis.settings import Method, information_weights
    from trainer.synthesis.settings import preset as preset_of
    from trainer.synthesis.slices import SliceRequest
    from trainer.synthesis.stage import SynthesisRequest, run

    try:
        settings = preset_of(preset, Method(method))
        if information is not None and method is _Method.SPSNET:
            settings = replace(settings, weights=information_weights(information))
        settings = replace(
            settings,
            steps=steps or settings.steps,
            held_out=tuple(sorted({fold for fold in held_out if fold >= 0})),
            precision=precision,
            edges=edges,
            detail=detail,
            seed=seed,
        )
        request = SynthesisRequest(
            SliceRequest(archive, cohort, SliceGrid(settings.pixels), bundle),
            settings,
            out or Path("build/synthesis") / method,
            slices,
            jobs,
        )
        trained = run(request)
    except (NodeError, ValueError, OSError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
    if os.environ.get("RANK", "0") != "0":
        return
    for pair, reason in trained.refused.items():
        console.print(f"not used: {pair}: {reason}", markup=False, highlight=False)
    show(f"{method}, {trained.used} pairs, held-out fold", trained.figures)
    console.print(f"{request.out}: weights, log, and a picture of held-out slices", highlight=False)


@app.command("synthesis-compare")
def synthesis_compare(
    models: Annotated[list[Path], typer.Argument(help="Folders of `ctsma-train synthesis`, in order.")],
    prepared: Annotated[Path, typer.Option(help="Folder with the slices they were trained on (*.npz).")],
    out: Annotated[Path, typer.Option(help="The picture.")] = Path("build/synthesis/comparison.png"),
) -> None:
    """Draw CT, sCT by each method and crMR of held-out slices side by side (paper, Figure 5)."""
    from ctsma_node.errors import NodeError
    from trainer.stage import kept_items
    from trainer.synthesis.batches import read_pairs
    from trainer.synthesis.pictures import comparison
    from trainer.synthesis.seen import person_mark, read_seen
    from trainer.synthesis.synthesise import Synthesiser

    try:
        synthesisers = {folder.name: Synthesiser.load(folder) for folder in models}
        seen = frozenset().union(*(read_seen(folder) for folder in models))
    except NodeError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
    pairs, _ = read_pairs(kept_items(prepared))
    shown = [pair for pair in pairs if person_mark(pair.pair_id) not in seen]
    if not shown:
        console.print(
            "[red]Every patient was seen in training by one of the models: check --prepared and their folds."
        )
        raise typer.Exit(2)
    comparison(shown, synthesisers, out)
    console.print(f"{out}", highlight=False)
