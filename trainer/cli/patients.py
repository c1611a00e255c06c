"""The evaluation of patients: Tables 6 and 7."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from trainer.aggregation.models import Kind
from trainer.cli.app import Jobs, console, evaluation
from trainer.cli.table67 import show_tables67
from trainer.cli.unstaged import tell_unstaged


@evaluation.command("patients")
def evaluate_patients(
    methods: Annotated[
        list[Path],
        typer.Argument(help="Folders with predictions.npz; the last goes through every aggregator."),
    ],
    patches: Annotated[Path, typer.Option(help="Folder of `ctsma-train patches`.")] = Path("build/patches"),
    drawn: Annotated[
        Path | None,
        typer.Option(help="Folder of `ctsma-train aggregator`: its drawn knees help to train."),
    ] = None,
    kind: Annotated[
        list[Kind] | None, typer.Option(help="Aggregators, the first for every method; all four without.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Of each training.")] = 1000,
    out: Annotated[Path, typer.Option(help="Folder of the figures.")] = Path("build/evaluation/patients"),
    times: Annotated[int, typer.Option(min=100, help="Draws of the bootstrap over patients.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of trainings and bootstrap.")] = 3,
    jobs: Jobs = 2,
) -> None:
    """Stage patients from the parameters of their subregions: Tables 6 and 7 of the paper beside ours.

    The methods are of the same patches. Five folds by patient; nothing that says anything of a patient has
    seen them. Writes OUT/tables67.txt, OUT/evaluation.json, OUT/answers.npz and pictures: ROC, cartilage
    scores, calibration.
    """
    import torch

    from ctsma_node.errors import NodeError
    from trainer.aggregation.stage import knees_of
    from trainer.aggregation.training import Training
    from trainer.evaluation.patients.pictures import calibration_picture, cartilage_picture, roc_picture
    from trainer.evaluation.patients.stage import (
        SHUFFLES,
        cross_validated,
        entries,
        evaluate,
        shuffled_auc,
        write,
    )
    from trainer.stage import progress

    torch.set_num_threads(jobs)
    try:
        columns = entries(methods, patches, kind or list(Kind), replace(Training(), steps=steps, seed=seed))
        tell_unstaged(patches)
        virtual = None if drawn is None else knees_of(drawn)
        found = {}
        with progress() as bar:
            for column in columns:
                task = bar.add_task(column.name, total=len(set(column.knees.fold.tolist())), note="")
                found[column.name] = cross_validated(column, virtual, partial(_told, bar, task))
        dealt = shuffled_auc(columns[-1], SHUFFLES, seed)
    except NodeError as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(2) from error
    figures = evaluate(found, times, seed) | {"shuffled": dealt}
    write(out, found, figures)
    roc_picture(found, figures["entries"], out / "roc.png")
    cartilage_picture(found, figures["entries"], out / "cartilage.png")
    calibration_picture(found, figures["entries"], out / "calibration.png")
    show_tables67(figures, out / "tables67.txt")
    console.print(f"Everything: {out / 'evaluation.json'}; pictures: {out}", highlight=False)


def _told(bar: Progress, task: TaskID, folds: int) -> None:
    bar.update(task, completed=folds)
