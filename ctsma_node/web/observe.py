"""What there is to see of the node from outside its two other processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ctsma_node.config.settings import Settings
from ctsma_node.heartbeat import Heartbeat, last_heartbeat
from ctsma_node.ledger.cases import CasesReader
from ctsma_node.ledger.figures import CaseFigures, InboxFigures, Standing
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.quota import Quota
from ctsma_node.records import SeriesState
from ctsma_node.spool import free_bytes

LAST_ENDS = 3
"""So many cases in a row that fail say something of the node, not of the series."""


_SUM_S = 60.0


@dataclass(frozen=True, slots=True)
class Observed:
    """The node at one moment."""

    now: float
    receiver: Heartbeat | None
    worker: Heartbeat | None
    free_bytes: int | None  # None: the state folder cannot be looked at
    least_free_bytes: int  # with less the receiver answers A700
    sources: int  # configured
    standings: Mapping[str, Standing | None]  # by configured destination; None: nothing was sent there yet
    last_ends: tuple[tuple[SeriesState, str | None], ...]  # of the latest cases, the last one first
    paused: Mapping[str, float] = field(default_factory=dict)  # destinations, and since when

    @property
    def failing_since(self) -> dict[str, float | None]:
        """By destination: since when nothing has gone through; None where the last attempt went well."""
        return {
            name: None if standing is None else standing.failing_since
            for name, standing in self.standings.items()
        }


class Observer:
    """Looks at one node."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._steady = steady
        self.cases = CaseFigures(settings.ledger_path)
        self.inbox = InboxFigures(settings.inbox_path)
        self.ledger = CasesReader(settings.ledger_path)
        self.instances = InboxReader(settings.inbox_path)
        self._outbox = Quota(settings.outbox_dir, settings.limits.outbox_quota_bytes)
        self._lock = threading.Lock()
        self._sizes, self._summed_at = (0, 0), float("-inf")

    def look(self) -> Observed:
        """See it now. Raises LedgerError or sqlite3.Error where a ledger cannot be read."""
        settings = self._settings
        return Observed(
            now=self._clock(),
            receiver=last_heartbeat(settings.heartbeat_path("receive")),
            worker=last_heartbeat(settings.heartbeat_path("work")),
            free_bytes=self._free(),
            least_free_bytes=self._outbox.least_free(settings.limits.min_free_bytes),
            sources=len(settings.sources),
            standings={each.name: self.cases.standing(each.name) for each in settings.destinations},
            last_ends=tuple(self.cases.last_ends(LAST_ENDS)),
            paused=self.ledger.paused(),
        )

    def sizes(self) -> tuple[int, int]:
        """Bytes of the spool and of the outbox, summed up once a minute, for that reads all of them."""
        with self._lock:
            if self._steady() - self._summed_at >= _SUM_S:
                self._sizes = self.inbox.spool_bytes(), self._outbox.used()
                self._summed_at = self._steady()
            return self._sizes

    def _free(self) -> int | None:
        try:
            return free_bytes(self._settings.node.state_dir)
        except OSError:
            return None
