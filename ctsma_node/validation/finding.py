"""What a check found wrong: always of one instance, never with a value of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_OF_A_KIND = 5
"""So many findings of one code are told of one instance; the rest are counted."""


@dataclass(frozen=True)
class Finding:
    """One rule that an instance breaks."""

    instance: str  # name of the file
    code: str  # stable, snake_case
    path: str  # the attribute, such as SegmentSequence[3].SegmentLabel; empty for the whole instance
    clause: str  # where the rule stands, such as PS3.5 6.2
    sentence: str  # what is wrong; holds no value of a header

    def __str__(self) -> str:
        where = f"{self.instance}, {self.path}" if self.path else self.instance
        return f"{where}: {self.sentence} ({self.clause})"


def abridged(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings, with no more than `MOST_OF_A_KIND` of one code in one instance and the rest counted."""
    told: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        kind = (finding.instance, finding.code)
        told[kind] += 1
        last[kind] = finding
        if told[kind] <= MOST_OF_A_KIND:
            yield finding
    for kind, count in told.items():
        if count > MOST_OF_A_KIND:
            more = f"{count - MOST_OF_A_KIND} more of this kind are not listed."
            yield Finding(kind[0], kind[1], "", last[kind].clause, more)
