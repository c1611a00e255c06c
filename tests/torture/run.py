"""One run of a suite: how often, with which seed, until when, and what came of it."""

from __future__ import annotations

import importlib
import pkgutil
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import tests.torture

_MOST_FAULTS = 20
LEFT_OUT = "rounds left out for time"


@dataclass
class Tally:
    """What was done and seen, by name, and what must not have been; the first faults in words."""

    counts: Counter[str] = field(default_factory=Counter)
    figures: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def count(self, name: str, n: int = 1) -> None:
        """Count something done or seen. Names are shown in the order of their first count, 0 too."""
        self.counts[name] += n

    def figure(self, name: str, value: str) -> None:
        """Note a measured value, with its unit."""
        self.figures[name] = value

    def fault(self, kind: str, detail: str) -> None:
        """Count something that must not happen, and keep the first ones in words."""
        self.counts[kind] += 1
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(f"{kind}: {detail}")
        elif len(self.faults) == _MOST_FAULTS:
            self.faults.append("and more")


@dataclass
class Run:
    """Given to a suite; `folder` is empty and its own."""

    count: int
    seed: int
    seconds: float
    folder: Path
    mutant: str | None = None
    """The name of a wrong receiver or worker to run in place of the right one; its faults must be found."""
    progress: Callable[[int], None] = lambda done: None
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._until = time.monotonic() + self.seconds
        self.done = 0  # rounds

    def is_over(self) -> bool:
        """Its time has run out."""
        return time.monotonic() > self._until

    def rounds(self) -> Iterator[int]:
        """0, 1, ... as often as the harm is to be done, while time is left; tells the progress.

        A mutant that is caught is not tormented any more.
        """
        for n in range(self.count):
            self.done = n
            if self.mutant and self.tally.faults:
                self.tally.figure(f"{self.mutant} caught", f"after {n} rounds")
                return
            if self.is_over():
                self.tally.count(LEFT_OUT, self.count - n)
                return
            yield n
            self.done = n + 1
            self.progress(n + 1)


def suites() -> dict[str, ModuleType]:
    """The modules of this package that have a `torment`, by name."""
    names = [module.name for module in pkgutil.iter_modules(tests.torture.__path__)]
    modules = {
        name: importlib.import_module(f"tests.torture.{name}")
        for name in names
        if not name.startswith(("_", "test_"))
    }
    return {name: module for name, module in modules.items() if hasattr(module, "torment")}


def short(suite: ModuleType, folder: Path, mutant: str | None = None, seed: int = 1) -> Tally:
    """The short form, as `make test` runs it."""
    run = Run(suite.SHORT, seed, 120.0, folder, mutant)
    suite.torment(run)
    return run.tally
