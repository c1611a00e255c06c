"""Signs of life: each process of the node says in a small file of its own that it works, and how far it is.

A file beside the ledgers, not a row in one: each ledger has one writing process, and a sign of life that a
power cut takes away was worth nothing any more. Nothing in it comes from a header.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ctsma_node import __version__
from ctsma_node.spool import make_private

BEAT_S = 5.0
"""How often a process says that it lives."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a process said last. Times are seconds since the epoch, UTC."""

    at: float
    started_at: float
    version: str
    stage: str  # "loading" (the worker, until its bundle has run once) or "ready"
    alive: Mapping[str, float] = field(default_factory=dict)  # last sign of life of each loop, by its name
    counts: Mapping[str, int] = field(default_factory=dict)  # since the process started
    bundle: str | None = None  # sha256 of the bundle's manifest
    troubles: Mapping[str, str] = field(default_factory=dict)  # what goes on in spite of: sentences by code


def courier_loop(destination: str) -> str:
    """The name of the loop that delivers to a destination."""
    return f"courier {destination}"


class Pulse:
    """The writing side: one process, one file."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._started_at = clock()

    def beat(
        self,
        stage: str,
        alive: Mapping[str, float] | None = None,
        counts: Mapping[str, int] | None = None,
        bundle: str | None = None,
        troubles: Mapping[str, str] | None = None,
    ) -> None:
        """Say that the process lives. Where that cannot be written the last word goes stale, which tells."""
        times = (self._clock(), self._started_at)
        said = Heartbeat(*times, __version__, stage, alive or {}, counts or {}, bundle, troubles or {})
        part = self._path.with_suffix(".part")
        with suppress(OSError):
            make_private(self._path.parent)
            part.write_text(json.dumps(asdict(said)), encoding="ascii")
            os.replace(part, self._path)  # noqa: PTH105 (one call, atomic)

    def end(self) -> None:
        """Leave no sign of life behind."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def last_heartbeat(path: Path) -> Heartbeat | None:
    """What the process of a file said last; None where it said nothing, or ended as it should."""
    try:
        return Heartbeat(**json.loads(path.read_text(encoding="ascii")))
    except (OSError, ValueError, TypeError):
        return None
