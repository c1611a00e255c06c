"""MR to CT registration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from trainer.cli.app import Jobs, app, console, evaluation
from trainer.cli.table4 import show_table4

if TYPE_CHECKING:
    from trainer.cohort.manifest import PairEntry

NOTHING = 3
_SUMMARY = "evaluation.json"


@app.command()
def register(
    archive: Annotated[Path, typer.Argument(help="Folder that `ctsma-train cohort` read.")],
    cohort: Annotated[Path, typer.Option(help="Folder of its cohort.json.")] = Path("build/cohort"),
    out: Annotated[Path, typer.Option(help="Folder of the transforms.")] = Path("build/registration"),
    bundle: Annotated[Path | None, typer.Option(help="Bundle that finds the bones; the default one.")] = None,
    synthesis: Annotated[
        Path | None,
        typer.Option(
            help="Folder of `ctsma-train synthesis`: its bones bear witness where texture leaves a doubt."
        ),
    ] = None,
    least_overlap: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Dice that it must see; 0 where it was trained too briefly to refuse pairs.",
        ),
    ] = None,
    dask: Annotated[
        str,
        typer.Option(
            help="Scheduler to work on (tcp://HOST:PORT); `local`: a cluster of JOBS workers; `none`: this "
            "process's own."
        ),
    ] = "local",
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="OUT/pictures/PAIR.png.")] = True,
    jobs: Jobs = 2,
) -> None:
    """Register the MR of every pair to its CT, femur and tibia apart, and judge each.

    Writes OUT/PAIR.json (transforms, figures) of every registered pair, OUT/not_registered/PAIR.json with the
    reason of every other one, registration.csv and .json with a row for each. Stopped, it goes on where it
    was; a pair whose files, bundle, synthesis or limits are others now is made anew, and one whose file is
    removed. Exit code 3 where no pair was registered.
    """
    from ctsma_node.errors import NodeError
    from trainer.registration.quality import Limits
    from trainer.registration.stage import RegisterRequest, count_pairs, run
    from trainer.stage import progress

    limits = Limits() if least_overlap is None else Limits(overlap=least_overlap)
    request = RegisterRequest(
        archive, cohort, out, bundle, jobs, "" if dask == "none" else dask, synthesis, pictures, limits
    )
    rows: list[dict[str, Any]] = []
    try:
        with progress() as bar:
            task = bar.add_task("pairs", total=count_pairs(cohort), note="")
            for row in run(request):
                rows.append(row)
                bar.update(task, advance=1, note=f"{row['pair_id']} {row['code'] or row['verdict']}")
    except (NodeError, OSError) as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(2) from error
    _show(rows, out)
    if all(row["code"] for row in rows):
        raise typer.Exit(NOTHING)


def _show(rows: list[dict[str, Any]], out: Path) -> None:
    refused = [row for row in rows if row["code"]]
    if refused:
        table = Table("pair", "code", "why", title="not registered")
        for row in refused:
            table.add_row(row["pair_id"], row["code"], row["reason"])
        console.print(table)
    errors = [row["error_mm"] for row in rows if not row["code"]]
    if errors:
        mean = sum(errors) / len(errors)
        console.print(f"estimated error: mean {mean:.2f} mm, largest {max(errors):.2f} mm")
    console.print(
        f"{len(errors)} of {len(rows)} pairs registered in {out}; each pair's row: registration.csv"
    )


@evaluation.command("registration")
def evaluate_registration(
    archive: Annotated[Path, typer.Argument(help="Archive of a phantom cohort.")],
    truth: Annotated[Path, typer.Option(help="Its folder of truth.")] = Path("build/phantom/truth"),
    cohort: Annotated[Path, typer.Option(help="Folder of its cohort.json.")] = Path("build/cohort"),
    out: Annotated[Path, typer.Option(help="Folder of the figures.")] = Path("build/evaluation/registration"),
    bundle: Annotated[Path | None, typer.Option(help="Bundle that finds the bones; the default one.")] = None,
    synthesis: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of `ctsma-train synthesis`; more than once for more columns of Table 4."),
    ] = None,
    first: Annotated[int, typer.Option(min=0, help="Pairs of the cohort to leave out at its beginning.")] = 0,
    pairs: Annotated[int, typer.Option(min=1, help="How many after them.")] = 20,
    jobs: Jobs = 1,
) -> None:
    """Measure the target registration error over known landmarks: Table 4 of the paper.

    Every method gets the same knee, one thread each; of a synthesis, pairs that it was not trained on. For
    every pair a wrong one is tried too: another patient's MR, a mirrored or a cropped one. Writes
    OUT/evaluation.json, OUT/table4.txt and a picture of each pair. Pairs that are there, of the same scans,
    truth, bundle and syntheses, are not made again.
    Exit code 3 where the bundle refuses the CT of every pair.
    """
    from ctsma_node.errors import NodeError
    from trainer.cohort.manifest import read_manifest
    from trainer.evaluation.registration.request import EvaluationRequest, unseen
    from trainer.evaluation.registration.stage import run
    from trainer.evaluation.registration.table4 import summary
    from trainer.stage import progress

    request = EvaluationRequest(archive, cohort, truth, out, bundle, tuple(synthesis or ()), jobs)
    try:
        cohort_pairs = list(read_manifest(cohort).pairs[first:])
        chosen: list[PairEntry] = unseen(request, cohort_pairs)[:pairs]
        if not chosen:
            raise typer.BadParameter(
                f"after its first {first}, the cohort has no pair of a patient unseen by every synthesis"
            )
        with progress() as bar:
            task = bar.add_task("pairs", total=len(chosen), note="")
            done: list[dict[str, Any]] = []
            for each in run(request, chosen):
                done.append(each)
                bar.update(task, advance=1, note=each["pair_id"])
    except (NodeError, OSError) as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(2) from error
    for each in done:
        if "refused" in each:
            console.print(
                f"not evaluated: {each['pair_id']}: {each['refused']}", markup=False, highlight=False
            )
    evaluated = [each for each in done if "refused" not in each]
    if not evaluated:
        raise typer.Exit(NOTHING)
    figures = summary(sorted(evaluated, key=lambda each: str(each["pair_id"])))
    (out / _SUMMARY).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    show_table4(figures, out / "table4.txt")
    console.print(f"Everything: {out / _SUMMARY}; pictures: {out / 'pictures'}", highlight=False)
