"""Run the steps that are not done, one after another, and write down how each ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from trainer.reproduce.process import Say, last_line
from trainer.reproduce.record import Entry, Record
from trainer.reproduce.step import Step

LOGS = "log"
_TAIL = 15
Runner = Callable[[Step, Path, Say], int]


class Watcher(Protocol):
    """Whoever is told how it goes."""

    def begun(self, number: int, step: Step) -> None:
        """A step starts; its lines follow."""

    def line(self, text: str) -> None:
        """The step printed this."""

    def ended(self, number: int, step: Step, entry: Entry, last: str) -> None:
        """It ended; `last` is the last line that says something."""

    def skipped(self, number: int, step: Step, entry: Entry) -> None:
        """It had ended well before."""


@dataclass(frozen=True)
class Failure:
    """A step that failed, and the end of what it printed."""

    step: Step
    entry: Entry
    tail: tuple[str, ...]


def run(
    steps: Sequence[Step], record: Record, runner: Runner, watcher: Watcher, again: bool = False
) -> list[Failure]:
    """Run what is missing; the failures, of which one that later steps need is the last.

    A step that has ended well with the same command is left out, unless `again`. After one that others read
    all are run: what they made of its older output is no longer theirs.
    """
    failures = []
    for number, step in enumerate(steps, start=1):
        entry = record.of_step(step)
        if not again and entry is not None and record.is_done(step):
            watcher.skipped(number, step, entry)
            continue
        again = again or step.needed
        watcher.begun(number, step)
        entry, lines = _one(number, step, record, runner, watcher)
        watcher.ended(number, step, entry, last_line(lines))
        if entry.exit_code:
            failures.append(Failure(step, entry, tuple(lines[-_TAIL:])))
            if step.needed:
                break
    return failures


def _one(
    number: int, step: Step, record: Record, runner: Runner, watcher: Watcher
) -> tuple[Entry, list[str]]:
    log = Path(LOGS) / f"{number:02d}-{step.name}.log"
    (record.folder / LOGS).mkdir(parents=True, exist_ok=True)
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        watcher.line(line)

    begun, began = time.monotonic(), datetime.now().astimezone().isoformat(timespec="seconds")
    code = runner(step, record.folder / log, say)
    if code == 0 and (missing := step.missing()):
        code = 1
        say("It ended without an error, and did not make " + ", ".join(map(str, missing)))
    seconds = round(time.monotonic() - begun, 1)
    entry = Entry(
        command=step.command,
        making=step.making,
        exit_code=code,
        seconds=seconds,
        began=began,
        log=str(log),
    )
    record.keep(step, entry)
    return entry, lines
