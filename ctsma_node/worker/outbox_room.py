"""Makes room in the outbox: objects that nothing is to be done with go, and nothing else does."""

from __future__ import annotations

from ctsma_node import log
from ctsma_node.config.settings import Settings
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.retention import RetentionReader
from ctsma_node.quota import FULL, Quota
from ctsma_node.records import PurgeableResult
from ctsma_node.worker.outbox import Outbox


class OutboxRoom:
    """Says whether the next set fits. The ledger keeps the rows of what goes."""

    def __init__(self, settings: Settings, quota: Quota, cases: Cases) -> None:
        self._settings = settings
        self._quota = quota
        self._cases = cases
        self._outbox = Outbox(settings.outbox_dir)
        self._told = False
        quota.expect(cases.largest_set())

    def is_there(self) -> bool:
        """Whether a set as large as the largest so far fits, after objects have gone that may go."""
        fits = self._quota.fits(self._quota.largest_set) or self._made()
        if not fits and not self._told:
            log.logger.warning("outbox.full", size=self._quota.used(), reason="The worker waits for room.")
        self._told = not fits
        return fits

    def troubles(self) -> dict[str, str]:
        """Why nothing is analysed, by code; nothing where the last set fitted, or one fits by now."""
        if not self._told or self._quota.fits(self._quota.largest_set):
            return {}
        used, limit = self._quota.used() / 1e6, self._quota.limit / 1e6
        reason = f"The outbox holds {used:.0f} of {limit:.0f} MB of results that could not be delivered: "
        return {FULL: f"{reason}nothing is analysed until there is room."}

    def _made(self) -> bool:
        """Remove what may go, first what has arrived, until it fits, before retention would."""
        wanted = self._quota.used() + self._quota.largest_set - self._quota.limit
        going: list[PurgeableResult] = []
        for each in self._settled():
            if sum(gone.size for gone in going) < wanted:
                going.append(each)
        if not going:
            return False
        self._cases.mark_purged([each.id for each in going])  # those a death here leaves go at the next start
        for each in going:
            self._outbox.remove(each.path)
        self._quota.count_again()
        log.logger.info("results.purged", n_objects=len(going), size=sum(each.size for each in going))
        return self._quota.fits(self._quota.largest_set)

    def _settled(self) -> list[PurgeableResult]:
        reader = RetentionReader(self._settings.ledger_path)
        try:
            return reader.settled_results()
        finally:
            reader.close()
