"""The steps of a reproduction on the terminal: those that ended, and what the one that runs says."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from trainer.cli.app import console

if TYPE_CHECKING:
    from trainer.reproduce.record import Entry
    from trainer.reproduce.step import Step


class Shown:
    """A line for each step that ended; below them the step that runs, its time and its latest line."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self.bar = Progress(*columns, TextColumn("{task.fields[said]}"), console=console, transient=True)
        self.task: TaskID | None = None

    def __enter__(self) -> Shown:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def begun(self, number: int, step: Step) -> None:
        """Show it as the one that runs."""
        self._tell(number, step, "", f"[dim]{escape(step.command)}[/]")
        self.task = self.bar.add_task(f"{number}/{self.steps} {step.name}", total=None, said="")

    def line(self, text: str) -> None:
        """Show what it says."""
        if self.task is not None and any(letter.isalnum() for letter in text):
            self.bar.update(self.task, said=escape(text.strip()))

    def ended(self, number: int, step: Step, entry: Entry, last: str) -> None:
        """Its line."""
        if self.task is not None:
            self.bar.remove_task(self.task)
            self.task = None
        how = "[green]done[/]" if entry.exit_code == 0 else f"[red]failed ({entry.exit_code})[/]"
        self._tell(number, step, f"{entry.seconds:.0f} s", f"{how}  {escape(last)}")

    def skipped(self, number: int, step: Step, entry: Entry) -> None:
        """Its line."""
        self._tell(number, step, f"{entry.seconds:.0f} s", "[green]done before[/]")

    def _tell(self, number: int, step: Step, seconds: str, what: str) -> None:
        line = f"{number:2d}/{self.steps} {step.name:<15} {seconds:>8}  {what}"
        self.bar.console.print(Text.from_markup(line), highlight=False, soft_wrap=True)
