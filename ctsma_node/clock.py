"""The system's clock, which people and NTP set, against one that only goes on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from ctsma_node import log
from ctsma_node.spool import make_private

_SLEWED_S = 2.0
"""What clocks drift apart by, and what NTP corrects without a step."""

_UNTRUSTED_S = 86400.0
_KEEP_S = 5.0


class ClockWatch:
    """Notices that the clock was set. A machine that slept looks like one whose clock was set ahead.

    What it knows is kept in a small file, for a restart must not end a hold. A clock that is a day ahead of
    when it was last looked at was set, too, or the node was off for so long.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """`path` is the file, of one process; it is made with the first look."""
        self._path = path
        self._clock = clock
        self._steady = steady
        self._lock = Lock()
        self._kept_at = float("-inf")
        self._held_until = float("-inf")  # by the steady clock, as the two others are
        now = clock()
        self._offset = now - steady()
        if (kept := _read(path)) is not None:
            self._go_on(kept, now)

    def step_s(self) -> float:
        """Seconds by which the clock was set since the last look, negative for back; 0.0 for hardly."""
        with self._lock:
            step = self._clock() - self._steady() - self._offset
            if abs(step) < _SLEWED_S:
                if self._steady() - self._kept_at >= _KEEP_S:
                    self._keep()
                return 0.0
            self._offset += step
            if step > 0:
                self._held_until = self._steady() + _UNTRUSTED_S
            self._keep()
        log.logger.warning("clock.set", seconds=round(step, 1))
        return step

    def is_trusted(self) -> bool:
        """Whether files may go by their age: not for a day behind a step ahead, perhaps a mistake."""
        with self._lock:
            return self._steady() >= self._held_until

    def _go_on(self, kept: _Kept, now: float) -> None:
        """Go on behind a process that has ended."""
        hold_s = min(kept.held_until - now, _UNTRUSTED_S)  # a clock set back since must not make it longer
        if now - kept.seen_at >= _UNTRUSTED_S:
            hold_s = _UNTRUSTED_S
        if hold_s > 0:
            self._held_until = self._steady() + hold_s
        if now < kept.seen_at:
            self._offset += kept.seen_at - now  # the next look finds the step

    def _keep(self) -> None:
        """Write down what is known. Where that cannot be done the process goes on without."""
        self._kept_at, now = self._steady(), self._clock()
        kept = _Kept(now, now + max(self._held_until - self._kept_at, 0.0))
        part = self._path.with_suffix(".part")
        with suppress(OSError):
            make_private(self._path.parent)
            part.write_text(json.dumps(kept._asdict()), encoding="ascii")
            os.replace(part, self._path)  # noqa: PTH105 (one call, atomic)


def keep_last_seen(path: Path, at: float) -> None:
    """Write the file of a watch as a process leaves it that ends at `at` (seconds since the epoch, UTC).

    Raises OSError where it cannot be written.
    """
    make_private(path.parent)
    path.write_text(json.dumps(_Kept(at, at)._asdict()), encoding="ascii")


class _Kept(NamedTuple):
    """Seconds since the epoch, UTC."""

    seen_at: float  # when the clock was looked at last
    held_until: float  # not after `seen_at`: nothing is held


def _read(path: Path) -> _Kept | None:
    try:
        found = json.loads(path.read_text(encoding="ascii"))
        return _Kept(float(found["seen_at"]), float(found["held_until"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
