"""`python -m tests.torture`: the torture suites in their long form, with a report of each."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer
from rich.progress import Progress

from benchmarks.machine import describe
from tests.torture.run import Run, Tally, suites

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def torture(
    names: Annotated[
        list[str] | None, typer.Argument(help="Suites to run; every one if none is named.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(help="How often the harm is done; each suite's own if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(help="What is random follows from it.")] = 1,
    minutes: Annotated[float, typer.Option(help="The most that each suite may take.")] = 60.0,
    mutant: Annotated[
        str | None, typer.Option(help="Run this wrong receiver or worker: it must be caught.")
    ] = None,
    reports: Annotated[
        Path | None, typer.Option(help="A folder for a report of each suite, NAME.md.")
    ] = None,
) -> None:
    """Harm a node in every way of the suites, and count what it lost. Ends with 1 where it lost anything."""
    known = suites()
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise typer.BadParameter(f"no suite {', '.join(unknown)}; there are: {', '.join(known)}")
    faulty = False
    for name in names or known:
        faulty |= bool(_one(name, known[name], count, seed, minutes, mutant, reports).faults)
    sys.exit(int(faulty))


def _one(
    name: str,
    suite: ModuleType,
    count: int | None,
    seed: int,
    minutes: float,
    mutant: str | None,
    reports: Path | None,
) -> Tally:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder, Progress() as progress:
        n = count or suite.LONG
        shown = progress.add_task(name, total=n)
        run = Run(
            n, seed, 60 * minutes, Path(folder), mutant, lambda done: progress.update(shown, completed=done)
        )
        suite.torment(run)
    command = f"python -m tests.torture {name} --count {n} --seed {seed} --minutes {minutes:g}"
    command += f" --mutant {mutant}" if mutant else ""
    text = _report(name, suite, command, run.tally, time.monotonic() - started)
    typer.echo(text)
    if reports:
        reports.mkdir(parents=True, exist_ok=True)
        (reports / f"{name}.md").write_text(text, encoding="utf-8")
    return run.tally


def _report(name: str, suite: ModuleType, command: str, tally: Tally, seconds: float) -> str:
    """Markdown: what was done, the counts, the faults."""
    what = (suite.__doc__ or "").strip().partition("\n\n")[0].replace("\n", " ")
    rows = [*((key, f"{n:,}") for key, n in tally.counts.items()), *tally.figures.items()]
    table = "\n".join(f"| {key} | {value} |" for key, value in rows)
    faults = "\n".join(f"- {each}" for each in tally.faults) or "None."
    return (
        f"# {name}\n{what}\n\n`{command}`: {seconds:.0f} s, {describe()}\n\n"
        f"| | |\n|---|---|\n{table}\n\n## Faults\n{faults}\n"
    )


if __name__ == "__main__":
    app()
