"""How many connections an address may have and how fast it may bring new ones: none crowds out others."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter
from collections.abc import Callable
from threading import Lock

from ctsma_node.config.settings import LimitSettings
from ctsma_node.receive.peers import LOCAL_LIMIT_EXCEEDED, TEMPORARY_CONGESTION, Rejection

_BURST_S = 4.0  # an address that was quiet for so long may bring as many at once as it may in this time
_MOST_ADDRESSES = 10_000


class Admission:
    """Counts associations by address, and connections by address and time. Any thread may ask."""

    def __init__(self, limits: LimitSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = Lock()
        self._associations: Counter[str] = Counter()
        self._allowance: dict[str, tuple[float, float]] = {}  # connections, and when that many were left

    def connected(self, address: str) -> Rejection | None:
        """Count a new connection; returns how to reject what it asks for, when there are too many."""
        rate, now = self._limits.max_new_per_s, self._clock()
        with self._lock:
            if len(self._allowance) >= _MOST_ADDRESSES:
                self._allowance.clear()
            left, since = self._allowance.pop(address, (rate * _BURST_S, now))
            left = min(rate * _BURST_S, left + rate * (now - since))
            self._allowance[address] = (max(left - 1.0, 0.0), now)
        return None if left >= 1.0 else TEMPORARY_CONGESTION

    def enter(self, address: str) -> Rejection | None:
        """Take a place for an association; returns how to reject it when there is none.

        An address that has none gets one even when all are taken, up to twice as many: whoever took them
        is not to shut the others out.
        """
        most = self._limits.max_associations
        with self._lock:
            own, all_of_them = self._associations[address], self._associations.total()
            if own >= self._limits.max_per_address:
                return LOCAL_LIMIT_EXCEEDED
            if all_of_them >= (2 * most if own == 0 else most):
                return TEMPORARY_CONGESTION
            self._associations[address] += 1
        return None

    def leave(self, address: str) -> None:
        """Give the place back."""
        with self._lock:
            self._associations[address] -= 1
            if self._associations[address] <= 0:
                del self._associations[address]


def plain(address: str) -> str:
    """An address as it is counted: without its scope, and an IPv4 address that came by IPv6 as such."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
