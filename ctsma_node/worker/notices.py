"""Looks for what a person must know of, and has it told: at most once in a while, and never twice.

The ledgers are asked, so a notice outlives a restart. A notice that cannot be sent is logged and tried again;
it holds nothing up, for the scheduler runs this in a thread of its own. E-mail and webhook are told on their
own: where one is down, the other has been told.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

from ctsma_node import __version__, log
from ctsma_node.config.settings import Settings
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.notices import Digest, NoticeError, Way, send
from ctsma_node.quota import FULL, Quota
from ctsma_node.spool import free_bytes


class Notices:
    """The sweep over both ledgers and the disk, for one way of telling."""

    def __init__(
        self,
        settings: Settings,
        cases: Cases,
        inbox: InboxReader,
        way: Way,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        troubles: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`troubles` tells what keeps the worker from working, by code."""
        self._settings = settings
        self._quota = Quota(settings.outbox_dir, settings.limits.outbox_quota_bytes)
        self._cases = cases
        self._inbox = inbox
        self._way = way
        self._troubles = troubles
        self._clock = clock
        self._steady = steady
        self._tried_at = float("-inf")  # by the steady clock
        self._disk_told = self._outbox_told = False

    def sweep(self) -> None:
        """Tell what there is to tell, unless something was told or tried a short while ago."""
        now, since = self._clock(), self._cases.told_until(self._way)
        if since is None:  # what failed before anybody wanted to know is not news
            self._cases.begin_telling(self._way, now)
            return
        every_s = self._settings.notify.every_s
        if now - since < every_s or self._steady() - self._tried_at < every_s:
            return
        digest = self._digest(since, now)
        if not digest:
            return
        self._tried_at = self._steady()
        try:
            send(self._way, digest, self._settings.notify)
        except NoticeError as error:
            log.logger.error("notice.failed", reason=str(error))
            return
        self._disk_told = self._disk_told or digest.free_bytes is not None
        self._outbox_told = self._outbox_told or digest.outbox_full
        self._cases.tell_until(self._way, now)
        count = sum(digest.failed.values()) + sum(digest.given_up.values())
        log.logger.info("notice.sent", code=self._way, count=count)

    def _digest(self, since: float, until: float) -> Digest:
        troubles = self._cases.troubles(since, until)
        came = Counter(each.code for each in self._inbox.quarantined() if since < each.received_at <= until)
        return Digest(
            self._settings.node.ae_title,
            __version__,
            troubles.failed,
            troubles.given_up,
            dict(sorted(came.items())),
            self._low_disk(),
            self._full_outbox(),
        )

    def _full_outbox(self) -> bool:
        """Whether the outbox is full and that was not said already."""
        full = FULL in self._troubles()
        self._outbox_told = self._outbox_told and full
        return full and not self._outbox_told

    def _low_disk(self) -> int | None:
        """Bytes free, where too few and not said already; room in between makes it news again."""
        free = free_bytes(self._settings.node.state_dir)
        low = free < self._quota.least_free(self._settings.limits.min_free_bytes)
        if not low:
            self._disk_told = False
        return free if low and not self._disk_told else None
