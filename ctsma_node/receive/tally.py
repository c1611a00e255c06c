"""What the receiver has answered since it started, and since when it owes its oldest answer."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Tally:
    """Counts by name, and the answers at work; any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._at_work: dict[object, float] = {}

    def count(self, name: str) -> None:
        """Add one."""
        with self._lock:
            self._counts[name] += 1

    def counts(self) -> dict[str, int]:
        """Every count so far."""
        with self._lock:
            return dict(self._counts)

    @contextmanager
    def answering(self, now: float) -> Iterator[None]:
        """Note that an answer is at work since `now`, for as long as the context lasts."""
        mark = object()
        with self._lock:
            self._at_work[mark] = now
        try:
            yield
        finally:
            with self._lock:
                del self._at_work[mark]

    def oldest(self) -> float | None:
        """Since when the answer that takes longest is at work; None where none is."""
        with self._lock:
            return min(self._at_work.values(), default=None)
