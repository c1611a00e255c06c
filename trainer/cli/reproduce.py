"""The paper's whole method in one command."""

from __future__ import annotations

import shutil
import signal
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from trainer.cli.app import Jobs, Precision, PrecisionName, app, console
from trainer.cli.watching import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainer.reproduce.record import Record
    from trainer.reproduce.run import Failure
    from trainer.reproduce.scale import Scale
    from trainer.reproduce.step import Step


class _Scale(StrEnum):
    QUICK = "quick"
    HALF = "half"
    FULL = "full"


_GIGA = 1e9
_STOPPED = 130
"""As shells have it of a process that was interrupted."""


@app.command()
def reproduce(
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Every stage, small: 26 minutes on two cores. Its figures say nothing."),
    ] = False,
    scale: Annotated[
        _Scale, typer.Option(help="quick: as --quick. half: 40 knees, about two hours. full: the paper's 80.")
    ] = _Scale.FULL,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of everything; build/reproduce, or build/reproduce-SCALE."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Run the steps that have ended well once more.")
    ] = False,
    commands: Annotated[
        bool, typer.Option("--commands", help="Print the commands of all steps, and run none.")
    ] = False,
    precision: Precision = PrecisionName.AUTO,
    jobs: Jobs = 2,
) -> None:
    """Run the paper's whole method, from an empty folder to a bundle that the node loads.

    Segmenter, drawn cohort, synthesis, registration, patches, teacher, students, radiomics, aggregator,
    bundle, and every table of the paper beside ours. Each step is a command that you could type (--commands
    prints them); what it says is kept in OUT/log. At the end: OUT/tables.txt, OUT/report.html (tables beside
    pictures), OUT/reproduce.json (commands, seconds, versions) and OUT/bundle.

    Stopped, it goes on where it was: a step that has ended well with the same command is left out, the others
    go on from what they made. All is made anew in an empty folder alone.

    On two cores the quick run took 26 minutes and 4 GB, the half one 2 h 20 min and 12 GB; the full one takes
    six to seven hours, counted over the steps of one that was stopped often, and 27 GB.
    Exit code 0: every step ended well; 1: one failed; 2: the folder cannot be used.
    """
    from ctsma_node.errors import NodeError
    from trainer.reproduce.plan import plan
    from trainer.reproduce.process import run_process
    from trainer.reproduce.record import Record
    from trainer.reproduce.run import run
    from trainer.reproduce.scale import SCALES

    size = SCALES[_Scale.QUICK if quick else scale]
    folder = out or Path("build") / ("reproduce" if size.name == _Scale.FULL else f"reproduce-{size.name}")
    steps = plan(size, folder, jobs, precision.value)
    if commands:
        _print_commands(steps)
        return
    try:
        record = Record.of(folder, size.name, size.subjects)
        _check_room(folder, size, record)
    except (NodeError, OSError) as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
    if size.note:
        console.print(Text(size.note, style="yellow"))
    try:
        with _stoppable(), Shown(len(steps)) as shown:
            failures = run(steps, record, run_process, shown, again)
    except KeyboardInterrupt:
        console.print("Stopped. The same command goes on from here.")
        raise typer.Exit(_STOPPED) from None
    _end(steps, record, size, failures)
    if failures:
        raise typer.Exit(1)


@contextmanager
def _stoppable() -> Iterator[None]:
    """A terminal that is closed, and `kill`, end the step at hand as Ctrl-C does; under nohup it goes on."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_commands(steps: Sequence[Step]) -> None:
    for step in steps:
        console.print(f"# {step.name}: {step.purpose}\n{step.command}\n", markup=False, soft_wrap=True)


def _check_room(folder: Path, scale: Scale, record: Record) -> None:
    """A run that has just begun needs its gigabytes; who goes on has spent part of them."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / _GIGA
    if not record.content.steps and free < scale.gigabytes:
        raise OSError(f"{folder}: {free:.0f} GB are free, and a {scale.name} run takes {scale.gigabytes}")


def _end(steps: Sequence[Step], record: Record, scale: Scale, failures: list[Failure]) -> None:
    """Tables, seconds, where everything is, and what went wrong last, where it is seen."""
    from trainer.reproduce.page import write_page
    from trainer.reproduce.record import FILE
    from trainer.reproduce.tables import write_tables

    tables = write_tables(steps, record.folder, scale.note)
    page = write_page(steps, record, scale.note)
    console.print(tables.read_text(encoding="utf-8"), markup=False, highlight=False, soft_wrap=True)
    console.print(_seconds(steps, record))
    if all(record.is_done(step) for step in steps):
        console.print(
            f"A bundle that the node has loaded and used: {record.folder / 'bundle'}", highlight=False
        )
    for path, what in (
        (tables, "all tables"),
        (page, "tables beside pictures"),
        (record.folder / FILE, "commands, seconds, versions"),
        (record.folder / "log", "what each step printed"),
    ):
        console.print(f"{path}: {what}", highlight=False, soft_wrap=True)
    for failure in failures:
        _tell_failure(failure, record)


def _seconds(steps: Sequence[Step], record: Record) -> Table:
    """Of a step that was stopped, those of its last run alone."""
    entries = {step.name: entry for step in steps if (entry := record.of_step(step)) is not None}
    total = sum(each.seconds for each in entries.values())
    table = Table(
        "step", "seconds", "exit code", title=f"{len(entries)} of {len(steps)} steps, {total:.0f} s"
    )
    for name, each in entries.items():
        table.add_row(name, f"{each.seconds:.1f}", str(each.exit_code))
    return table


def _tell_failure(failure: Failure, record: Record) -> None:
    step, log = failure.step, record.folder / failure.entry.log
    console.print(Text(f"{step.name} failed, exit code {failure.entry.exit_code}:", style="red"))
    for line in failure.tail:
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"All that it printed: {log}", markup=False, highlight=False, soft_wrap=True)
    console.print("To try it alone:")
    console.print(f"  {step.command}", markup=False, highlight=False, soft_wrap=True)
    console.print("The same `ctsma-train reproduce` goes on from here, once that is mended.")
