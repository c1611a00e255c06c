"""Makes room in the outbox: sets that every destination is proven to hold go first, and nothing else goes."""

from __future__ import annotations

from ctsma_node import log
from ctsma_node.ledger.cases import Cases
from ctsma_node.quota import Quota
from ctsma_node.records import SeriesState
from ctsma_node.worker.outbox import Outbox


class Room:
    """Says whether the next set fits. Of sets that go, the ledger keeps every row."""

    def __init__(self, quota: Quota, outbox: Outbox, cases: Cases) -> None:
        self._quota = quota
        self._outbox = outbox
        self._cases = cases
        self._told = False
        quota.expect(cases.largest_set())

    def is_there(self) -> bool:
        """Whether a set as large as the largest so far fits, after sets have gone that may go."""
        fits = self._quota.fits(self._quota.largest_set) or self._made()
        if not fits and not self._told:
            log.logger.warning("outbox.full", size=self._quota.used(), reason="The worker waits for room.")
        self._told = not fits
        return fits

    def _made(self) -> bool:
        """Remove wholly delivered sets, oldest first, until it fits; one delivered in part may be needed."""
        for case in self._cases.in_state(SeriesState.DELIVERED):
            if case.code is None and self._outbox.remove(case.id):
                self._quota.count_again()
                log.logger.info("outbox.removed", case=case.id, series=case.series_uid)
                if self._quota.fits(self._quota.largest_set):
                    return True
        return False
