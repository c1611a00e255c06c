"""A step of the reproduction: one command that a reader could type."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Program(StrEnum):
    """Whose command it is, as it is typed."""

    TRAIN = "ctsma-train"
    NODE = "ctsma-node"


_MODULES = {Program.TRAIN: "trainer.cli", Program.NODE: "ctsma_node.cli"}


@dataclass(frozen=True)
class Step:
    """What it is called, what it is for, its command, and what stands there when it has ended well."""

    name: str
    purpose: str
    argv: tuple[str, ...]
    """Of the program, without it."""
    makes: tuple[Path, ...]
    """Files or folders; a step that did not leave them has failed, whatever it says."""
    tables: tuple[Path, ...] = ()
    """Those of them that are tables as text."""
    pictures: tuple[Path, ...] = ()
    """Patterns of files that are shown beside the tables."""
    needed: bool = True
    """Whether later steps read what it makes: its failure ends the run."""
    program: Program = Program.TRAIN
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def command(self) -> str:
        """As it is typed into a shell."""
        set_before = [f"{name}={shlex.quote(value)}" for name, value in self.environment]
        return " ".join([*set_before, shlex.join((self.program, *self.argv))])

    @property
    def making(self) -> str:
        """The command but for how many processes it takes: equal ones make the same."""
        return re.sub(r" --jobs \d+", "", self.command)

    @property
    def process(self) -> tuple[str, ...]:
        """The same, by this interpreter: whatever is installed elsewhere."""
        return (sys.executable, "-m", _MODULES[self.program], *self.argv)

    def missing(self) -> list[Path]:
        """What it should have made and is not there."""
        return [path for path in self.makes if not path.exists()]

    def shown(self) -> list[Path]:
        """Its pictures that are there."""
        return [path for pattern in self.pictures for path in sorted(pattern.parent.glob(pattern.name))]
