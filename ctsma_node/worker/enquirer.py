"""An enquirer for each source that can be asked: a thread of its own, so that a silent PACS holds up none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ctsma_node import log
from ctsma_node.completion import next_question
from ctsma_node.config.peers import QuerySettings, SourceSettings
from ctsma_node.config.settings import Settings
from ctsma_node.deliver import Peer
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.query import CountAnswer, SeriesKey, count_instances
from ctsma_node.query.count import Told
from ctsma_node.records import Case, SeriesState
from ctsma_node.worker.encryption import client_tls
from ctsma_node.worker.intake import standing_of

_LOOK_S = 0.1
"""How often it looks for a series that is to be asked about."""
_LONGEST_BACKOFF_S = 60.0


class Enquirer:
    """Asks one source about its series while they are received; the answers go to the ledger."""

    def __init__(
        self,
        settings: Settings,
        source: SourceSettings,
        query: QuerySettings,
        cases: Cases,
        on_answer: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source.ae_title
        self._cases = cases
        self._on_answer = on_answer
        self._clock = clock
        self._peer = peer_of(settings, query)
        self._deadline_s = query.timeout_s
        self._longest_s = settings.completion.long_quiet_s
        self._inbox = InboxReader(settings.inbox_path)
        self._silent = 0  # rounds in a row in which the source gave no answer at all
        self._not_before = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"enquirer {self._source}")

    def start(self) -> None:
        """Begin to look for series to ask about."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end behind the question on its way."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()
        self._inbox.close()

    def ask_due(self) -> bool:
        """Ask about every series whose question is due; says whether there was one."""
        now = self._clock()
        waits = now < self._not_before <= now + _LONGEST_BACKOFF_S  # no longer, should the clock be set back
        due = [] if waits else [case for case in self._open() if self._is_due(case, now)]
        if not due:
            return False
        keys = [SeriesKey(case.study_uid, case.series_uid) for case in due]
        asked_at, answered = now, False
        for answer in count_instances(self._peer, keys, self._deadline_s, self._stopping.is_set):
            self._record(answer, asked_at)
            answered |= answer.told is not Told.NO_ANSWER
            asked_at = self._clock()
        self._silent = 0 if answered else self._silent + 1
        if self._silent:
            self._not_before = self._clock() + min(2.0 ** min(self._silent - 1, 16), _LONGEST_BACKOFF_S)
        self._on_answer()
        return True

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            try:
                self.ask_due()
            except Exception:  # the ledger is busy or the disk is full: geometry and quiet decide meanwhile
                log.logger.error("enquirer.failed", source=self._source, exc_info=True)
                self._stopping.wait(1.0)

    def _open(self) -> list[Case]:
        receiving = self._cases.in_state(SeriesState.RECEIVING)
        return [case for case in receiving if case.calling_ae == self._source]

    def _is_due(self, case: Case, now: float) -> bool:
        count = self._cases.source_count(case.series_uid)
        if next_question(count, case.n_instances, case.last_instance_at, 0.0) > now:
            return False  # told without a look at each instance: this is asked ten times a second
        standing = standing_of(self._inbox.instances(case.series_uid), self._longest_s)
        return next_question(count, case.n_instances, case.last_instance_at, standing) <= now

    def _record(self, answer: CountAnswer, asked_at: float) -> None:
        series_uid = answer.key.series_uid
        before = self._cases.source_count(series_uid)
        known = self._cases.record_count(series_uid, answer.instances, answer.told.value, asked_at)
        if before is None or (before.instances, before.told) != (known.instances, known.told):
            log.logger.info(
                "series.counted",
                series=series_uid,
                source=self._source,
                code=answer.told.value,
                count=answer.instances,
                reason=answer.reason,
            )


def peer_of(settings: Settings, query: QuerySettings) -> Peer:
    """The source as the Query SCU knows it; every wait is short, for geometry and quiet do without it."""
    limit = query.timeout_s
    return Peer(
        host=query.host,
        port=query.port,
        ae_title=query.ae_title,
        calling_ae_title=query.calling_ae_title or settings.node.ae_title,
        connect_s=limit,
        acse_s=limit,
        dimse_s=limit,
        network_s=limit,
        tls=client_tls(settings, query),
    )
