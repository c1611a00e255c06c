"""The system's clock, which people and NTP set, against one that only goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from ctsma_node import log

_SLEWED_S = 2.0
"""What clocks drift apart by, and what NTP corrects without a step."""

_UNTRUSTED_S = 86400.0


class ClockWatch:
    """Notices that the clock was set. A machine that slept looks like one whose clock was set ahead."""

    def __init__(
        self, clock: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._steady = steady
        self._lock = Lock()
        self._offset = clock() - steady()
        self._ahead_at: float | None = None

    def step_s(self) -> float:
        """Seconds by which the clock was set since the last look, negative for back; 0.0 for hardly."""
        with self._lock:
            step = self._clock() - self._steady() - self._offset
            if abs(step) < _SLEWED_S:
                return 0.0
            self._offset += step
            if step > 0:
                self._ahead_at = self._steady()
        log.logger.warning("clock.set", seconds=round(step, 1))
        return step

    def is_trusted(self) -> bool:
        """Whether files may go by their age: not for a day behind a step ahead, perhaps a mistake."""
        with self._lock:
            return self._ahead_at is None or self._steady() - self._ahead_at >= _UNTRUSTED_S
