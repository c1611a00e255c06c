"""Training, evaluation and the bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.app import BUILD, Build, Jobs, Precision, PrecisionName, app, console, evaluation, show
from trainer.cli.unstaged import tell_unstaged

_WIDTH = 118


@app.command()
def segmenter(
    build: Build = BUILD,
    jobs: Jobs = 2,
    knees: Annotated[int, typer.Option(min=2, help="Drawn knees, those that are held out among them.")] = 112,
    held_out: Annotated[
        int, typer.Option(min=1, help="Knees of them that judge, and are not trained on.")
    ] = 12,
    fields: Annotated[int, typer.Option(help="Training fields of view of the finder.")] = 120,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the segmenter.")] = 1800,
    finder_steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of the finder; half of the segmenter's without.")
    ] = None,
    precision: Precision = PrecisionName.AUTO,
) -> None:
    """Train the knee finder and the bone segmenter on drawn knees."""
    from trainer.segmentation.stage import SegmenterSettings, run

    if held_out >= knees:
        raise typer.BadParameter(f"{held_out} of {knees} knees held out leave none to train on")
    settings = SegmenterSettings(
        knees=knees,
        fields=fields,
        held_out=held_out,
        segmenter_steps=steps,
        finder_steps=finder_steps or max(1, steps // 2),
        precision=precision.value,
        jobs=jobs,
    )
    show("held-out knees", run(build / "segmenter", settings))


@app.command()
def aggregator(
    build: Build = BUILD,
    jobs: Jobs = 2,
    patches: Annotated[
        Path | None, typer.Option(help="Folder of `ctsma-train patches` [BUILD/patches].")
    ] = None,
    scans: Annotated[
        Path | None, typer.Option(help="Folder of `ctsma-train scans` [BUILD/scans, if the student saw any].")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle whose subregions the patches are of; the default one.")
    ] = None,
    knees: Annotated[int, typer.Option(min=1, help="Drawn knees, 1.5 s each.")] = 1000,
    template_knees: Annotated[
        int,
        typer.Option(
            min=0, help="Place the subregions anew, as in the mean of so many knees; 0: as the bundle."
        ),
    ] = 0,
    steps: Annotated[int, typer.Option(min=1, help="Training steps of 32 knees.")] = 2500,
    asked: Annotated[
        int,
        typer.Option(min=0, help="Train for the student of the bundle: ask it about so many drawn scans."),
    ] = 0,
) -> None:
    """Train the aggregator on drawn knees, with the student's errors, and on the student's own answers.

    Run `student --final` first; the one that learned from scans, `--scans --form knee`, is taken where there
    is one.
    With `--asked` no other stage is needed: the whole bundle analyses scans that it has not seen, 10 s each.
    One person in five is held out to calibrate the probabilities. Pairs without a KL grade or MOAKS scores
    are named and not used.
    """
    from ctsma_node.errors import NodeError
    from trainer.aggregation.stage import AggregatorSettings, Asked, Sources, run
    from trainer.aggregation.training import Training
    from trainer.distillation.regression_stage import SCANS
    from trainer.export import student_below

    settings = AggregatorSettings(
        knees=knees, template_knees=template_knees, training=Training(steps=steps), jobs=jobs
    )
    student = student_below(build)
    if scans is None and (student / SCANS).is_dir():
        scans = build / "scans"
    own = Sources(student, patches or build / "patches", scans, bundle)
    sources = Asked(asked, bundle) if asked else own
    try:
        if not asked:
            tell_unstaged(own.patches)
        show("held-out knees", run(build / "aggregator", sources, settings))
    except (NodeError, OSError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error


@app.command()
def bundle(
    build: Build = BUILD,
    out: Annotated[Path, typer.Option(help="Folder of the new bundle.")] = Path("bundle"),
    name: Annotated[
        str | None,
        typer.Option(help="Name of the bundle (synthetic; own, where not all knees are proven to be drawn)."),
    ] = None,
    version: Annotated[str, typer.Option(help="Version of the bundle.")] = "1",
    bones_only: Annotated[
        bool,
        typer.Option("--bones-only", help="Of BUILD/segmenter alone: for the stages that only find bones."),
    ] = False,
    aggregator_only: Annotated[
        bool, typer.Option("--aggregator-only", help="Of BUILD/aggregator alone: of `aggregator --asked`.")
    ] = False,
    training: Annotated[
        str | None,
        typer.Option(help="What it was trained on, in the words of every report; without, by the records."),
    ] = None,
) -> None:
    """Put the trained stages together as a bundle that the node loads.

    `--bones-only` takes what measures and stages from the default bundle: with it `synthesis`, `register` and
    `patches` find bones by your own segmenter before there is a student. `--aggregator-only` takes all but
    what stages from there.

    It says "synthetic knees only" where the records of the stages prove that all knees were drawn, and
    otherwise that it was trained on a site's own cohort.
    """
    from ctsma_node.analysis.plan import PLAN
    from ctsma_node.errors import NodeError
    from trainer.export import SYNTHETIC, run, run_aggregator, run_bones

    if bones_only and aggregator_only:
        raise typer.BadParameter("--bones-only or --aggregator-only, not both")
    if training is not None and (bones_only or aggregator_only):
        raise typer.BadParameter("--training is of a whole bundle")
    try:
        if bones_only or aggregator_only:
            make = run_bones if bones_only else run_aggregator
            digest = make(build, out, name=name or SYNTHETIC, version=version)
        else:
            digest = run(build, out, name=name, version=version, training=training)
    except (OSError, NodeError) as e:
        console.print(str(e), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from e
    size = sum(f.stat().st_size for f in out.iterdir())
    console.print(f"{out}: {size / 1e6:.1f} MB, digest {digest}")
    said = json.loads((out / PLAN).read_text(encoding="utf-8"))["training"]
    console.print(f"It says: trained on {said}", markup=False, highlight=False)


@app.command("keys")
def make_keys(
    out: Annotated[Path, typer.Argument(help="Folder of the two files.")],
) -> None:
    """Make Ed25519 keys: the private one signs bundles, the public one is named in a node's configuration."""
    from ctsma_node.analysis import signature

    try:
        private, public = signature.make_keys(out)
    except FileExistsError as error:
        console.print(f"[red]{error.filename} is there already: name another folder", highlight=False)
        raise typer.Exit(2) from error
    except OSError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
    console.print(f"{private}: keep it to yourself; {public}: [analysis] public_key", markup=False)


@app.command()
def sign(
    bundle: Annotated[Path, typer.Argument(help="Folder of the bundle.")],
    key: Annotated[Path, typer.Option(help="Private key of `ctsma-train keys`.")],
) -> None:
    """Sign a bundle, so that nodes that ask for your signature run it."""
    from ctsma_node.analysis import signature
    from ctsma_node.analysis.bundle import MANIFEST, read_bundle
    from ctsma_node.errors import BundleError

    try:
        read_bundle(bundle)
        written = signature.sign(bundle / MANIFEST, key)
    except BundleError as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(2) from error
    console.print(f"{written}")


@evaluation.command("bundle")
def evaluate(
    knees: Annotated[int, typer.Option(help="Fields of view with one knee or two.")] = 20,
    first_seed: Annotated[int, typer.Option(help="Unseen seeds start here.")] = 900_000,
    bundle: Annotated[Path | None, typer.Option(help="Bundle folder; the default bundle without.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the figures here as JSON, and the tables beside them as .txt.")
    ] = None,
) -> None:
    """Score a bundle on phantoms it has not seen: bones, sides, ICC(2,1) of the four parameters, AUC."""
    from rich.console import Console

    from ctsma_node.analysis.bundle import read_bundle
    from ctsma_node.errors import BundleError
    from trainer.evaluation.report import evaluate_bundle

    try:
        read_bundle(bundle)  # before a file is begun
    except BundleError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
    seeds = range(first_seed, first_seed + knees)
    if out is None:
        evaluate_bundle(seeds, bundle, console)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.with_suffix(".txt").open("w", encoding="utf-8") as file:
        figures = evaluate_bundle(seeds, bundle, console, Console(file=file, width=_WIDTH))
    out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
