"""Steps and runners that cost nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from trainer.reproduce.process import Say
from trainer.reproduce.record import Record
from trainer.reproduce.step import Step


def step_of(name: str, folder: Path, *, needed: bool = True, argv: tuple[str, ...] = ("stage",)) -> Step:
    """A step that makes a file of its name; of an evaluation it is a table."""
    made = folder / f"{name}.txt"
    tables = () if needed else (made,)
    return Step(name, f"what {name} is for", argv, (made,), tables=tables, needed=needed)


def record_in(folder: Path) -> Record:
    return Record.of(folder, "quick", 8)


@dataclass
class FakeRunner:
    """Makes what a step makes, unless it is to fail; keeps the names of what it ran."""

    fails: set[str] = field(default_factory=set)
    makes_nothing: set[str] = field(default_factory=set)
    ran: list[str] = field(default_factory=list)
    while_running: Callable[[Step], None] = lambda _: None

    def __call__(self, step: Step, log: Path, say: Say) -> int:
        self.ran.append(step.name)
        self.while_running(step)
        log.write_text("log\n")
        for number in range(30):
            say(f"{step.name} says {number}")
        say("┗━━━┛")
        if step.name in self.fails:
            return 3
        if step.name not in self.makes_nothing:
            for path in step.makes:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"table of {step.name}\n")
        return 0


@dataclass
class Heard:
    """What a watcher is told."""

    told: list[str] = field(default_factory=list)

    def begun(self, number: int, step: Step) -> None:
        self.told.append(f"{number} {step.name} begun")

    def line(self, text: str) -> None:
        """Too many."""

    def ended(self, number: int, step: Step, entry: object, last: str) -> None:
        self.told.append(f"{number} {step.name} ended: {last}")

    def skipped(self, number: int, step: Step, entry: object) -> None:
        self.told.append(f"{number} {step.name} skipped")
