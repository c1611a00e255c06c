"""Receivers and workers that are wrong on purpose: a suite that finds nothing in them is worth nothing.

Each is the real one with one thing done wrongly, which is patched in at its start; see receivers.py and
workers.py for their names. Both are started by a command of their own, the right ones too.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent.parent
"""Where the commands are to be run."""


def receiver_command(config: Path, mutant: str | None = None) -> list[str]:
    """The receiver of a node.toml, or a wrong one by its name; logs `receive.listening` to standard error."""
    return [sys.executable, "-m", "tests.torture.mutants", "receive", str(config), *_named(mutant)]


def worker_command(config: Path, mutant: str | None = None) -> list[str]:
    """The worker of a node.toml, whose analyser is the stand-in, or a wrong one; logs `worker.ready`."""
    return [sys.executable, "-m", "tests.torture.mutants", "work", str(config), *_named(mutant)]


def _named(mutant: str | None) -> list[str]:
    return [] if mutant is None else [mutant]
