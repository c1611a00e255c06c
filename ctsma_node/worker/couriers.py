"""A courier for each destination: its own thread, so that one dead PACS blocks nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from itertools import groupby

from ctsma_node import log
from ctsma_node.audit import Recorder
from ctsma_node.config.settings import DestinationSettings, Settings
from ctsma_node.deliver import Answer, Outcome, Outgoing, Peer, RetrySchedule, store
from ctsma_node.ledger.cases import Cases
from ctsma_node.records import Delivery
from ctsma_node.worker.dispatches import Dispatches
from ctsma_node.worker.encryption import client_tls
from ctsma_node.worker.ending import Ending
from ctsma_node.worker.outbox import Outbox

_LOOK_S = 0.5
"""How often a courier that nobody wakes looks for deliveries that have become due."""


class Courier:
    """Takes what is due to one destination, set by set, over one association each."""

    def __init__(
        self,
        settings: Settings,
        destination: DestinationSettings,
        cases: Cases,
        ending: Ending,
        clock: Callable[[], float] = time.time,
        recorder: Recorder | None = None,
    ) -> None:
        self._dispatches = Dispatches(recorder, destination, settings) if recorder else None
        self.destination = destination
        self._cases = cases
        self._ending = ending
        self._clock = clock
        self._outbox = Outbox(settings.outbox_dir)
        self._peer = peer_of(settings, destination)
        self._schedule = schedule_of(settings)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"courier {destination.name}")

    def start(self) -> None:
        """Begin to look for deliveries."""
        self._thread.start()

    def wake(self) -> None:
        """Look now."""
        self._wake.set()

    def stop(self) -> None:
        """Ask it to end behind the instance that is on its way; what is left stays due."""
        self._stopping.set()
        self._wake.set()

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def deliver_due(self) -> None:
        """Send everything that is due now."""
        name = self.destination.name
        due = [each for each in self._cases.due_deliveries(self._clock()) if each.destination == name]
        for case_id, deliveries in groupby(due, key=lambda each: each.case_id):
            if self._stopping.is_set():
                return
            self._deliver(case_id, list(deliveries))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(_LOOK_S)
            self._wake.clear()
            try:
                self.deliver_due()
            except Exception:  # the ledger is busy or the disk is full: the rows are still there
                log.logger.error("courier.failed", destination=self.destination.name, exc_info=True)
                self._stopping.wait(_LOOK_S)

    def _deliver(self, case_id: int, deliveries: Sequence[Delivery]) -> None:
        rows = {each.sop_instance_uid: each for each in deliveries}
        outgoing = [self._outgoing(each) for each in deliveries]
        started, counts = self._clock(), dict.fromkeys(Outcome, 0)
        if self._dispatches is not None:
            self._dispatches.begin(self._cases.get(case_id).study_uid, outgoing)
        for answer in store(self._peer, outgoing, self._stopping.is_set):
            self._record(rows[answer.instance.sop_instance_uid], answer)
            counts[answer.outcome] += 1
            last = answer
            if self._dispatches is not None:
                self._dispatches.note(answer)
        if self._dispatches is not None:
            self._dispatches.end()
        if not any(counts.values()):
            return
        log.logger.info(
            "set.sent",
            case=case_id,
            destination=self.destination.name,
            n_objects=counts[Outcome.DELIVERED],
            count=len(deliveries),
            seconds=round(self._clock() - started, 3),
            reason=None if counts[Outcome.DELIVERED] == len(deliveries) else last.text,
        )
        self._ending.settle(case_id)

    def _outgoing(self, row: Delivery) -> Outgoing:
        return Outgoing(
            self._outbox.path(row.path), row.sop_class_uid, row.sop_instance_uid, row.transfer_syntax
        )

    def _record(self, row: Delivery, answer: Answer) -> None:
        if answer.outcome is Outcome.DELIVERED:
            self._cases.delivery_sent(row.id, answer.status or 0x0000)
        elif answer.outcome is Outcome.PERMANENT:
            self._cases.delivery_rejected(row.id, answer.status, answer.text)
        else:
            self._retry(row, answer)

    def _retry(self, row: Delivery, answer: Answer) -> None:
        # The key is the set's, not the row's: what failed together is sent together, in its order.
        key, now = f"{row.case_id}/{row.destination}", self._clock()
        due_at = self._schedule.next_due(row.attempts + 1, key, since=row.created_at, now=now)
        if due_at is None:
            self._cases.delivery_failed(row.id, answer.status, f"given up after the horizon: {answer.text}")
        else:
            self._cases.delivery_retry(row.id, due_at, answer.status, answer.text)


def peer_of(settings: Settings, destination: DestinationSettings) -> Peer:
    """The destination as the Storage SCU knows it."""
    limits = settings.delivery
    return Peer(
        host=destination.host,
        port=destination.port,
        ae_title=destination.ae_title,
        calling_ae_title=destination.calling_ae_title or settings.node.ae_title,
        connect_s=limits.connect_s,
        acse_s=limits.acse_s,
        dimse_s=limits.dimse_s,
        network_s=limits.network_s,
        tls=client_tls(settings, destination),
    )


def schedule_of(settings: Settings) -> RetrySchedule:
    """When a failed delivery is tried again."""
    delivery = settings.delivery
    return RetrySchedule(delivery.first_s, delivery.factor, delivery.max_s, delivery.horizon_h * 3600.0)
