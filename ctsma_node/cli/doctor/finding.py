"""What the doctor found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # the node works, but not for long or not well
    WRONG = "wrong"  # the node cannot do its work
    SKIPPED = "skipped"  # not asked for, or not to be known here


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table."""

    area: str
    what: str
    verdict: Verdict
    text: str
    remedy: str = ""  # an instruction; empty where nothing is to be done


def ok(area: str, what: str, text: str) -> Finding:
    """All is well."""
    return Finding(area, what, Verdict.OK, text)


def warning(area: str, what: str, text: str, remedy: str) -> Finding:
    """Look at it."""
    return Finding(area, what, Verdict.WARNING, text, remedy)


def wrong(area: str, what: str, text: str, remedy: str) -> Finding:
    """Mend it."""
    return Finding(area, what, Verdict.WRONG, text, remedy)


def skipped(area: str, what: str, text: str) -> Finding:
    """Nothing is known of it."""
    return Finding(area, what, Verdict.SKIPPED, text)
