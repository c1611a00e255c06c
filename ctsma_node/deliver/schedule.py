"""When to try again: a pure function of how often it was tried and of what is tried."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

JITTER = 0.2
"""Largest relative shift of a delay, either way: what failed together does not come back together."""


@dataclass(frozen=True)
class RetrySchedule:
    """Exponential backoff with a ceiling and a horizon, all in seconds.

    The delay after the n-th attempt of the deliveries named `key` is

        min(first_s * factor ** (n - 1), max_s) * (1 + JITTER * u(key, n)),    -1 <= u < 1

    where u is read off sha256(key, n): the same arguments always give the same answer, also after a restart.
    Worked example, first_s=30, factor=2, max_s=3600: about 30 s, then 1, 2, 4, 8, 16 and 32 min, then once an
    hour, each within 20 %, until `horizon_s` (seven days) has passed.
    """

    first_s: float = 30.0
    factor: float = 2.0
    max_s: float = 3600.0
    horizon_s: float = 7 * 24 * 3600.0

    def delay_s(self, attempt: int, key: str) -> float:
        """Seconds to wait after attempt number `attempt` (counted from 1) of the deliveries named `key`."""
        if attempt < 1:
            raise ValueError("attempts are counted from 1")
        steps = min(attempt - 1, 64)  # far past any ceiling; more would only overflow
        base = min(self.first_s * self.factor**steps, self.max_s)
        return base * (1.0 + JITTER * _draw(key, attempt))

    def next_due(self, attempt: int, key: str, *, since: float, now: float) -> float | None:
        """When to try again after attempt number `attempt`, or None when the horizon has passed.

        `since` is when the deliveries were created, `now` the present (seconds since the epoch). The last
        attempt is made at the horizon itself, so that the whole of it is used.
        """
        end = since + self.horizon_s
        return None if now >= end else min(now + self.delay_s(attempt, key), end)


def _draw(key: str, attempt: int) -> float:
    """A number in [-1, 1) that depends on nothing but its arguments."""
    digest = hashlib.sha256(f"{key}|{attempt}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**63 - 1.0
