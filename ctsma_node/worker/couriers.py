"""A courier for each destination: its own thread, so that one dead PACS blocks nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from itertools import groupby

from ctsma_node import log
from ctsma_node.audit import Recorder
from ctsma_node.config import AnyDestination, Settings
from ctsma_node.deliver import Answer, Outcome, Outgoing
from ctsma_node.ledger.cases import Cases
from ctsma_node.records import Delivery
from ctsma_node.worker.dispatches import Dispatches
from ctsma_node.worker.ending import Ending
from ctsma_node.worker.outbox import Outbox
from ctsma_node.worker.routes import archive_of, proof_of, schedule_of
from ctsma_node.worker.verdicts import Verdicts

_LOOK_S = 0.5
"""How often a courier that nobody wakes looks for deliveries that have become due."""


class Courier:
    """Takes what is due to one destination, set by set, over one association each, and has it proven."""

    def __init__(
        self,
        settings: Settings,
        destination: AnyDestination,
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
        self._archive = archive_of(settings, destination)
        self._verdicts = Verdicts(cases, schedule_of(settings), clock)
        self._proof = proof_of(
            settings, destination, self._archive, cases, self._verdicts, self._halted, clock
        )
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
        """Send everything that is due now, then ask for every proof that is due by then."""
        for case_id, deliveries in self._sets(self._cases.due_deliveries(self._clock())):
            self._deliver(case_id, deliveries)
        for case_id, deliveries in self._sets(self._cases.due_proofs(self._clock())):
            if self._halted():
                return
            self._proof.ask(deliveries)
            self._ending.settle(case_id)

    def _sets(self, due: Sequence[Delivery]) -> list[tuple[int, list[Delivery]]]:
        mine = [each for each in due if each.destination == self.destination.name]
        return [(case_id, list(rows)) for case_id, rows in groupby(mine, key=lambda each: each.case_id)]

    def _halted(self) -> bool:
        return self._stopping.is_set() or self.destination.name in self._cases.paused()

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
        for answer in self._archive.store(outgoing, self._halted):
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
        if answer.outcome is Outcome.PERMANENT:
            self._cases.delivery_rejected(row.id, answer.status, answer.text)
        elif answer.outcome is Outcome.TRANSIENT:
            self._retry(row, answer)
        elif self.destination.proof == "status":
            self._cases.delivery_done(row.id, answer.status or 0x0000)
        else:
            self._cases.delivery_stored(row.id, answer.status or 0x0000, self._clock())

    def _retry(self, row: Delivery, answer: Answer) -> None:
        due_at = self._verdicts.next_due(row, row.attempts + 1)
        if due_at is None:
            self._cases.delivery_failed(row.id, answer.status, f"given up after the horizon: {answer.text}")
        else:
            self._cases.delivery_retry(row.id, due_at, answer.status, answer.text)
