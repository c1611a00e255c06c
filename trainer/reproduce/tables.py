"""All tables of a reproduction in one text, as each evaluation wrote its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainer.reproduce.step import Step

FILE = "tables.txt"


def write_tables(steps: Sequence[Step], folder: Path, note: str) -> Path:
    """Write `folder`/tables.txt; `note` heads every table."""
    parts = [f"{heading(step, note)}\n$ {step.command}\n\n{text_of(step)}" for step in steps if step.tables]
    path = folder / FILE
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def heading(step: Step, note: str) -> str:
    """What a table is, and what it must not be taken for."""
    return f"{step.purpose}\n{note}" if note else step.purpose


def text_of(step: Step) -> str:
    """A step's tables; says so where there is none."""
    made = [path.read_text(encoding="utf-8").rstrip() for path in step.tables if path.exists()]
    return "\n".join(made) or "(not made: this step did not end well)"
