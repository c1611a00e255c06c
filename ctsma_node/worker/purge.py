"""The worker's part of the purge: objects that nothing is to be done with, and was not for long enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ctsma_node import log
from ctsma_node.config.settings import Settings
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.retention import RetentionReader
from ctsma_node.records import PurgeableResult
from ctsma_node.worker.outbox import Outbox

_DAY_S = 86400.0


def plan(settings: Settings, arrived: RetentionReader, now: float) -> list[PurgeableResult]:
    """Return what retention lets go; a number of days that is 0 lets nothing go."""
    days = settings.retention.results_days
    return arrived.settled_results(now - days * _DAY_S) if days else []


class OutboxPurge:
    """Marks rows, then removes files: what was marked when the worker died goes at the next start."""

    def __init__(self, settings: Settings, cases: Cases, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._cases = cases
        self._outbox = Outbox(settings.outbox_dir)
        self._clock = clock

    def finish(self) -> None:
        """Remove what an earlier purge had marked and not yet removed."""
        for path in self._cases.purged_results() & set(self._outbox.files()):
            self._outbox.remove(path)

    def run(self) -> Sequence[PurgeableResult]:
        """Remove what is due; returns what it was."""
        arrived = RetentionReader(self._settings.ledger_path)
        try:
            due = plan(self._settings, arrived, self._clock())
        finally:
            arrived.close()
        marked = self._cases.mark_purged([each.id for each in due])
        due = [each for each in due if each.id in marked]
        for each in due:
            self._outbox.remove(each.path)
        if due:
            log.logger.info("results.purged", n_objects=len(due), size=sum(each.size for each in due))
        return due
