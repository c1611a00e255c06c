"""The realism report of a drawn cohort."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from trainer.cli.app import Jobs, app, console

if TYPE_CHECKING:
    from trainer.evaluation.realism.summary import Report


@app.command()
def realism(
    cohort: Annotated[Path, typer.Option(help="Folder of a drawn cohort (`ctsma-train phantom`).")] = Path(
        "build/phantom"
    ),
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("build/realism"),
    subjects: Annotated[
        int, typer.Option(min=0, help="The first so many subjects; 0: all that are there.")
    ] = 0,
    retest: Annotated[int, typer.Option(min=1, help="Knees that are scanned a second time.")] = 12,
    labelled: Annotated[int, typer.Option(min=1, help="Knees whose MR is measured at the subregions.")] = 12,
    jobs: Jobs = 1,
) -> None:
    """Compare the drawn knees with published ones.

    Writes OUT/README.md, index.html and pictures: HU, true parameters, people, noise, texture and
    test-retest beside published ranges with their sources. Nothing is written into COHORT. A run that was
    stopped goes on.
    """
    from trainer.evaluation.realism.stage import RealismSettings, run

    try:
        report = run(cohort, out, RealismSettings(subjects, retest, labelled), jobs)
    except ValueError as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(2) from error
    _show(report)
    console.print(f"The page: {out / 'README.md'} and {out / 'index.html'}")


def _show(report: Report) -> None:
    table = Table("figure", "phantom, mean ± SD", "published", "verdict", title="published ranges")
    for row in report.rows:
        own = f"{row.mean:.2f} ± {row.sd:.2f} {row.unit}"
        table.add_row(row.figure, own, f"{row.low:g} to {row.high:g}", row.verdict)
    console.print(table)
    table = Table("published", "mean difference", "share", "verdict", title="published orders")
    for claim in report.claims:
        table.add_row(claim.claim, f"{claim.difference:+.3f}", f"{claim.share:.2f}", claim.verdict)
    console.print(table)
    table = Table("figure", "ICC(2,1)", "RMS-CV", title=f"second visit of {report.retested} knees")
    for repeat in report.repeats:
        table.add_row(repeat.figure, f"{repeat.icc:.4f}", f"{100 * repeat.rms_cv:.2f} %")
    console.print(table)
