"""The receiver's part of the purge: instances of series that have ended, and what is old in quarantine.

The worker's file says which series have ended and is only read; the inbox and the spool are the receiver's
own. A row is marked, then its file is removed, each under the lock that a C-STORE of the same instance takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePath

from ctsma_node import log
from ctsma_node.config import Settings
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.ledger.inbox_purge import PurgeQueries
from ctsma_node.ledger.retention import RetentionReader
from ctsma_node.receive.store import Store
from ctsma_node.records import KeptSeries, PurgedFile
from ctsma_node.releases import ReleaseFolder
from ctsma_node.spool import Spool

_DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class InboxPlan:
    """What a purge would remove now."""

    series: tuple[KeptSeries, ...]
    quarantined: tuple[PurgedFile, ...]
    instances_before: float  # seconds since the epoch
    cursor: int  # rows of the inbox that the worker had taken over


def plan(settings: Settings, inbox: PurgeQueries, ended: RetentionReader, now: float) -> InboxPlan:
    """Return what retention lets go; a number of days that is 0 lets nothing go."""
    kept, cursor = settings.retention, ended.cursor()
    instances_before = now - kept.instances_days * _DAY_S
    series: list[KeptSeries] = []
    if kept.instances_days:
        gone = ended.ended_series(instances_before)
        series = [each for each in inbox.old_series(instances_before, cursor) if each.uid in gone]
    quarantined: list[PurgedFile] = []
    if kept.quarantine_days:
        quarantined = inbox.old_quarantined(now - kept.quarantine_days * _DAY_S)
    return InboxPlan(tuple(series), tuple(quarantined), instances_before, cursor)


class InboxPurge:
    """Removes, over the inbox's one writing connection."""

    def __init__(
        self,
        settings: Settings,
        inbox: Inbox,
        spool: Spool,
        quarantine: Spool,
        store: Store,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._spool = spool
        self._quarantine = quarantine
        self._store = store
        self._clock = clock

    def run(self) -> InboxPlan:
        """Remove what is due; returns what it was. May be broken off anywhere and done again."""
        ended = RetentionReader(self._settings.ledger_path)
        try:
            due = plan(self._settings, self._inbox, ended, self._clock())
        finally:
            ended.close()
        for series in due.series:
            self._purge_series(series, due)
        for each in due.quarantined:
            with self._store.lock_of(PurePath(each.path).stem):
                self._inbox.mark_quarantined_purged(each.path, self._clock())
                self._quarantine.remove(each.path)
        if due.quarantined:
            size = sum(each.size for each in due.quarantined)
            log.logger.info("quarantine.purged", count=len(due.quarantined), size=size)
        return due

    def release(self, releases: ReleaseFolder) -> None:
        """Let go of the series that people asked to be let go of; one of which anything came lately waits."""
        for case_id in releases.waiting():
            if self._released(case_id):
                releases.remove(case_id)

    def _released(self, case_id: int) -> bool:
        """Whether nothing is left to do: the rows go, too, for a series that is sent again begins anew."""
        ended = RetentionReader(self._settings.ledger_path)
        try:
            # In this order: what comes after the cursor was read keeps its series, whatever the case is then.
            cursor, series_uid = ended.cursor(), ended.releasable(case_id)
        finally:
            ended.close()
        if series_uid is None:
            return True
        now = self._clock()
        self._inbox.mark_series_purged(series_uid, now, cursor, now)
        paths = self._inbox.purged_paths(series_uid)  # with those that an earlier attempt left behind
        self._remove(paths)
        if not self._inbox.forget_purged(series_uid):
            return False
        log.logger.info("series.released", series=series_uid, case=case_id, n_instances=len(paths))
        return True

    def _purge_series(self, series: KeptSeries, due: InboxPlan) -> None:
        paths = self._inbox.mark_series_purged(series.uid, due.instances_before, due.cursor, self._clock())
        self._remove(paths)
        log.logger.info("series.purged", series=series.uid, n_instances=len(paths), size=series.size)

    def _remove(self, paths: Iterable[str]) -> None:
        for path in paths:
            with self._store.lock_of(PurePath(path).stem):
                if self._inbox.is_purged(path):
                    self._spool.remove(path)
