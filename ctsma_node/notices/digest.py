"""What went wrong since the last notice, as text for a person and as a table for a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Digest:
    """Counts and codes alone: no UID, no AE title of a source, nothing that came from a header."""

    node: str  # the node's own AE title
    version: str
    failed: Mapping[str, int] = field(default_factory=dict)  # cases, by code
    given_up: Mapping[str, int] = field(default_factory=dict)  # objects, by destination
    quarantined: Mapping[str, int] = field(default_factory=dict)  # by code
    free_bytes: int | None = None  # where the disk is low
    outbox_full: bool = False  # nothing is analysed until there is room

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        counts = self.failed or self.given_up or self.quarantined
        return bool(counts or self.outbox_full or self.free_bytes is not None)

    @property
    def subject(self) -> str:
        """One line."""
        parts = [
            f"{_total(self.failed)} cases failed" if self.failed else "",
            f"{_total(self.given_up)} objects not delivered" if self.given_up else "",
            f"{_total(self.quarantined)} in quarantine" if self.quarantined else "",
            "disk low" if self.free_bytes is not None else "",
            "outbox full" if self.outbox_full else "",
        ]
        return f"ctsma-node {self.node}: {', '.join(filter(None, parts))}"

    @property
    def text(self) -> str:
        """The whole, with where to look."""
        lines = [f"Node {self.node}, version {self.version}.", ""]
        lines += [f"{n} cases failed: {code}" for code, n in self.failed.items()]
        lines += [f"{n} objects were given up for destination {name}" for name, n in self.given_up.items()]
        lines += [f"{n} instances went into quarantine: {code}" for code, n in self.quarantined.items()]
        if self.free_bytes is not None:
            lines.append(f"{self.free_bytes / 1e9:.2f} GB are free on the disk: the node refuses or waits.")
        if self.outbox_full:
            lines.append("The outbox is full of what could not be delivered: nothing is analysed any more.")
        return "\n".join([*lines, "", "On the node, `ctsma-node status` says which, and why.", ""])

    def fields(self) -> dict[str, Any]:
        """As the webhook sends it."""
        return asdict(self) | {"subject": self.subject}


def _total(counts: Mapping[str, int]) -> int:
    return sum(counts.values())
