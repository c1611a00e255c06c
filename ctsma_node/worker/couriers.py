"""A courier for each destination: its own thread, so that one dead PACS blocks nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from ctsma_node import log
from ctsma_node.audit import Recorder
from ctsma_node.config import AnyDestination, Settings
from ctsma_node.deliver import Answer, Outcome, Outgoing
from ctsma_node.ledger.cases import Cases
from ctsma_node.records import CommitmentReport, Delivery, DeliveryState
from ctsma_node.worker.dispatches import Dispatches
from ctsma_node.worker.ending import Ending
from ctsma_node.worker.outbox import Outbox
from ctsma_node.worker.reports import take_over
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
        self.alive_at = time.monotonic()
        self._cases = cases
        self._ending = ending
        self._clock = clock
        self._outbox = Outbox(settings.outbox_dir)
        self._archive = archive_of(settings, destination)
        self._verdicts = Verdicts(cases, schedule_of(settings), clock)
        self._proof = proof_of(
            settings, destination, self._archive, cases, self._verdicts, self._take, self._halted, clock
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
        """Send everything that is due now, then ask for every proof that is due by then.

        Each set is looked up again at its turn: those before it may take hours, and people cancel cases.
        """
        self.alive_at = time.monotonic()
        for case_id in self._mine(self._cases.due_deliveries(self._clock())):
            self._deliver(case_id)
        for case_id in self._mine(self._cases.due_proofs(self._clock())):
            if self._halted():
                return
            if rows := self._due(case_id, DeliveryState.SENT):
                self._proof.ask(rows)
            self._ending.settle(case_id)

    def _mine(self, due: Sequence[Delivery]) -> list[int]:
        """The cases of those that are for this destination, in their order."""
        return list(dict.fromkeys(each.case_id for each in due if each.destination == self.destination.name))

    def _due(self, case_id: int, state: DeliveryState) -> list[Delivery]:
        now, name = self._clock(), self.destination.name
        return [
            each
            for each in self._cases.deliveries(case_id)
            if each.destination == name
            and each.state is state
            and each.due_at is not None
            and each.due_at <= now
        ]

    def _halted(self) -> bool:
        """Whether to leave the rest; asked between all that may take long, which is a sign of life."""
        self.alive_at = time.monotonic()
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

    def _deliver(self, case_id: int) -> None:
        rows = self._due(case_id, DeliveryState.PENDING)
        if not rows or self._halted():
            return
        started = self._clock()
        answers = self._send(case_id, rows)
        if not answers:
            return
        delivered = sum(each.outcome is Outcome.DELIVERED for each in answers)
        log.logger.info(
            "set.sent",
            case=case_id,
            destination=self.destination.name,
            n_objects=delivered,
            count=len(rows),
            seconds=round(self._clock() - started, 3),
            reason=None if delivered == len(rows) else answers[-1].text,
        )
        self._ending.settle(case_id)

    def _send(self, case_id: int, deliveries: Sequence[Delivery]) -> list[Answer]:
        """Send a set and write down each answer as it comes; the audit trail has its end in any case."""
        rows = {each.sop_instance_uid: each for each in deliveries}
        outgoing = [self._outgoing(each) for each in deliveries]
        answers: list[Answer] = []
        if self._dispatches is not None:
            self._dispatches.begin(self._cases.get(case_id).study_uid, outgoing)
        try:
            for answer in self._archive.store(outgoing, partial(self._is_over, case_id)):
                if self._dispatches is not None:
                    self._dispatches.note(answer)
                self._record(rows[answer.instance.sop_instance_uid], answer)
                answers.append(answer)
        finally:
            if self._dispatches is not None:
                self._dispatches.end()
        return answers

    def _take(self, report: CommitmentReport) -> None:
        """Have a report that the destination brought; its case need not be the one that is asked about."""
        try:
            take_over(report, self._verdicts, self._ending)
        except Exception:  # the destination is told, and may bring it again
            log.logger.error("report.failed", destination=self.destination.name, exc_info=True)
            raise

    def _is_over(self, case_id: int) -> bool:
        """Whether the rest of a set is left: the courier is told to, or the case was cancelled meanwhile."""
        return self._halted() or not self._cases.is_to_be_sent(case_id, self.destination.name)

    def _outgoing(self, row: Delivery) -> Outgoing:
        return Outgoing(
            self._outbox.path(row.path), row.sop_class_uid, row.sop_instance_uid, row.transfer_syntax
        )

    def _record(self, row: Delivery, answer: Answer) -> None:
        if not self._written(row, answer):  # what was on its way when its case was cancelled
            log.logger.warning(
                "delivery.too_late",
                case=row.case_id,
                destination=row.destination,
                instance=row.sop_instance_uid,
                code=answer.outcome.value,
            )

    def _written(self, row: Delivery, answer: Answer) -> bool:
        """Whether the answer became the next state of the delivery, which had not ended yet."""
        if answer.outcome is Outcome.PERMANENT:
            return self._cases.delivery_rejected(row.id, answer.status, answer.text)
        if answer.outcome is Outcome.TRANSIENT:
            return self._retry(row, answer)
        if self.destination.proof == "status":
            return self._cases.delivery_done(row.id, answer.status or 0x0000)
        return self._cases.delivery_stored(row.id, answer.status or 0x0000, self._clock())

    def _retry(self, row: Delivery, answer: Answer) -> bool:
        due_at = self._verdicts.next_due(row, row.attempts + 1)
        if due_at is None:
            text = f"given up after the horizon: {answer.text}"
            return self._cases.delivery_failed(row.id, answer.status, text)
        return self._cases.delivery_retry(row.id, due_at, answer.status, answer.text)
