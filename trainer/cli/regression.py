"""The radiomics baseline, and the evaluation of every method that predicts patches: Table 5."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.app import Jobs, app, console, evaluation
from trainer.cli.table5 import show_misalignment, show_robustness, show_table5


@app.command()
def radiomics(
    patches: Annotated[Path, typer.Option(help="Folder of `ctsma-train patches`.")] = Path("build/patches"),
    out: Annotated[Path, typer.Option(help="Folder of features and predictions.")] = Path(
        "build/regression/radiomics"
    ),
    bin_width: Annotated[float, typer.Option(min=1.0, help="Of the grey levels, HU.")] = 50.0,
    seed: Annotated[int, typer.Option(help="Of the regressors.")] = 0,
    jobs: Jobs = 1,
) -> None:
    """Predict trabecular parameters from radiomic features of the CT patches: the baseline of Table 5.

    100 features as the IBSI defines them, the noise of the CT, and the best of twelve regressors on inner
    folds of patients. Writes OUT/predictions.npz (every patch by a model that never saw its patient) and
    OUT/tuning.json. Stopped, it goes on where it was.
    """
    from ctsma_node.errors import NodeError
    from trainer.evaluation.regression.table5 import ROWS, fold_iccs
    from trainer.radiomics.grey_levels import Discretisation
    from trainer.radiomics.stage import RadiomicsRequest, run
    from trainer.stage import progress

    request = RadiomicsRequest(patches, out, Discretisation(bin_width), seed=seed, jobs=jobs)
    try:
        with progress() as bar:
            task = bar.add_task("features", total=None, note="")
            made = run(request, lambda pair, n, total: bar.update(task, completed=n, total=total, note=pair))
    except (NodeError, OSError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
    for row, icc in zip(ROWS, fold_iccs(made).T, strict=True):
        console.print(f"{row}: ICC(2,1) {icc.mean():.3f}, by fold " + " ".join(f"{each:.3f}" for each in icc))
    console.print(f"{len(made)} patches in {out}; compare with: ctsma-train evaluate regression {out} ...")


@evaluation.command("regression")
def evaluate_regression(
    methods: Annotated[
        list[Path],
        typer.Argument(
            help="Folders with predictions.npz of the same patches; a method's name is its folder's."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the figures.")] = Path("build/evaluation/regression"),
    truth: Annotated[
        Path | None,
        typer.Option(help="Folder of `ctsma-train patches` through true transforms: the ceiling beside it."),
    ] = None,
    patches: Annotated[Path, typer.Option(help="Folder that the methods learned from, for --truth.")] = Path(
        "build/patches"
    ),
    times: Annotated[int, typer.Option(min=100, help="Draws of the bootstrap over patients.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
) -> None:
    """Compare methods that predict trabecular parameters: Table 5 of the paper beside ours.

    ICC(2,1) and (3,1), by fold and pooled with intervals over patients, and within patients; paired tests
    between methods; bias and limits of agreement; coverage of the 90 % intervals. Writes OUT/table5.txt,
    OUT/evaluation.json, and scatter, Bland-Altman and coverage pictures.
    """
    from ctsma_node.errors import NodeError
    from trainer.evaluation.regression.ceiling import ceiling
    from trainer.evaluation.regression.stage import evaluate, read_methods, write_evaluation

    try:
        found = read_methods(methods)
        highest = {} if truth is None else {"ceiling": ceiling(found, patches, truth)}
    except NodeError as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(2) from error
    figures = evaluate(found, times, seed) | highest
    write_evaluation(found, figures, out)
    show_table5(figures, out / "table5.txt")
    console.print(f"Everything: {out / 'evaluation.json'}; pictures: {out}", highlight=False)


@evaluation.command("robustness")
def evaluate_robustness(
    methods: Annotated[
        list[Path], typer.Argument(help="Folders of `ctsma-train student`, of patches with protocols.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the figures.")] = Path("build/evaluation/robustness"),
    times: Annotated[int, typer.Option(min=100, help="Draws of the bootstrap over patients.")] = 500,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
) -> None:
    """Agreement on unseen patients by dose, kernel, slices and field of view.

    Writes OUT/robustness.json and OUT/robustness.txt.
    """
    from ctsma_node.errors import NodeError
    from trainer.evaluation.regression.conditions import by_protocol

    try:
        figures = {folder.name: by_protocol(folder, times, seed) for folder in methods}
    except NodeError as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(2) from error
    out.mkdir(parents=True, exist_ok=True)
    (out / "robustness.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    show_robustness(figures, out / "robustness.txt")


@evaluation.command("misalignment")
def evaluate_misalignment(
    methods: Annotated[list[Path], typer.Argument(help="Folders with predictions.npz of the patches.")],
    patches: Annotated[Path, typer.Option(help="Folder of `ctsma-train patches`.")] = Path("build/patches"),
    out: Annotated[Path, typer.Option(help="Folder of the figures.")] = Path("build/evaluation/misalignment"),
    times: Annotated[int, typer.Option(min=100, help="Draws of the bootstrap over patients.")] = 500,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
) -> None:
    """Agreement against an MR that is sampled 1 to 15 mm beside each patch (paper, supplement B.1).

    Writes OUT/misalignment.json, OUT/misalignment.txt and OUT/misalignment.png.
    """
    from dataclasses import asdict

    from ctsma_node.errors import NodeError
    from trainer.evaluation.regression.conditions import shifted_labels
    from trainer.evaluation.regression.figures import shift_picture
    from trainer.evaluation.regression.shift import shift_curve
    from trainer.evaluation.regression.stage import read_methods

    try:
        found = read_methods(methods)
        labels = shifted_labels(patches, next(iter(found.values())))
        curves = {name: shift_curve(each, labels, times, seed) for name, each in found.items()}
    except NodeError as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(2) from error
    out.mkdir(parents=True, exist_ok=True)
    plain = {name: [asdict(point) for point in curve] for name, curve in curves.items()}
    (out / "misalignment.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    shift_picture(curves, out / "misalignment.png")
    show_misalignment(curves, out / "misalignment.txt")
    console.print(f"{out}: the curve as figures and as a picture", highlight=False)
