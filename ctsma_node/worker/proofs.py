"""The ways in which a set that was sent is proven to be there, as its destination is set to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from ctsma_node.config.settings import DeliverySettings
from ctsma_node.deliver import Archive, DeliveryError, Peer, Verdict
from ctsma_node.deliver.commitment import Wanted, ask
from ctsma_node.ledger.cases import Cases
from ctsma_node.records import CommitmentReport, Delivery
from ctsma_node.report.identity import uid_from
from ctsma_node.worker.verdicts import Verdicts


class Proof(Protocol):
    """Asks a destination for a set, or a part of one, and records what it learns."""

    def ask(self, rows: Sequence[Delivery]) -> None:
        """`rows` are deliveries of one case to one destination, all in `sent` and due."""


class ByStatus:
    """The status of the C-STORE was proof enough: only a change of the settings leaves rows for this."""

    def __init__(self, verdicts: Verdicts) -> None:
        self._verdicts = verdicts

    def ask(self, rows: Sequence[Delivery]) -> None:
        """Take them as proven."""
        for row in rows:
            self._verdicts.write(row, Verdict.PROVEN, "stored by the peer's answer", row.asked)


class ByFind:
    """The destination is asked which instances of the set's series it holds."""

    def __init__(self, archive: Archive, verdicts: Verdicts) -> None:
        self._archive = archive
        self._verdicts = verdicts

    def ask(self, rows: Sequence[Delivery]) -> None:
        """An archive may index a moment later: what is not found once is asked again, twice is lost."""
        series = list(dict.fromkeys(row.series_uid for row in rows))
        try:
            held = self._archive.held(rows[0].study_uid, series)
        except DeliveryError as error:
            for row in rows:
                self._verdicts.write(row, Verdict.LATER, str(error), row.asked + 1)
            return
        for row in rows:
            if row.sop_instance_uid in held:
                self._verdicts.write(row, Verdict.PROVEN, "found at the peer", row.asked + 1)
            else:
                lost = Verdict.MISSING if row.asked else Verdict.LATER
                self._verdicts.write(row, lost, "not found at the peer", row.asked + 1)


class ByCommitment:
    """The destination is asked to commit to the set; its report may come now, or later to the receiver."""

    def __init__(
        self,
        peer: Peer,
        limits: DeliverySettings,
        cases: Cases,
        verdicts: Verdicts,
        take: Callable[[CommitmentReport], None],
        halted: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._peer = peer
        self._limits = limits
        self._cases = cases
        self._verdicts = verdicts
        self._take = take
        self._halted = halted
        self._clock = clock

    def ask(self, rows: Sequence[Delivery]) -> None:
        """The request is in the ledger before it is sent: a report finds it there, however soon it comes."""
        waiting = [row for row in rows if not self._given_up(row)]
        if not waiting:
            return
        case_id, destination = waiting[0].case_id, waiting[0].destination
        ids = [row.id for row in waiting]
        named = partial(_transaction_uid, destination, [row.sop_instance_uid for row in waiting])
        uid = self._cases.ask_commitment(case_id, destination, ids, named)
        wanted = [Wanted(row.sop_class_uid, row.sop_instance_uid) for row in waiting]
        try:
            wait_on = partial(self._waits_for, uid)
            ask(self._peer, uid, wanted, wait_on, self._limits.linger_s, self._take)
        except DeliveryError as error:
            for row in waiting:
                self._verdicts.write(row, Verdict.LATER, str(error), row.asked + 1)
            return
        overdue_at = self._overdue_at(waiting)
        self._cases.await_report(uid, overdue_at, "requested, and no report yet (PS3.4 J.3.2)")

    def _overdue_at(self, rows: Sequence[Delivery]) -> float:
        """When to ask again if no report comes: not before its time, and later each time."""
        backoff = max(self._verdicts.next_due(row, row.asked + 1) or 0.0 for row in rows)
        return max(backoff, self._clock() + self._limits.report_s)

    def _given_up(self, row: Delivery) -> bool:
        """End a row whose horizon has passed."""
        if self._verdicts.next_due(row, row.asked + 1) is not None:
            return False
        text = row.text or "no Storage Commitment report came"
        self._verdicts.write(row, Verdict.LATER, text, row.asked + 1)
        return True

    def _waits_for(self, uid: str) -> bool:
        return not self._halted() and bool(self._cases.asked_in(uid))


def _transaction_uid(destination: str, sop_instance_uids: Sequence[str], number: int) -> str:
    """The same for the same request, and another for the next one about the same set."""
    return uid_from("storage commitment", destination, str(number), *sorted(sop_instance_uids))
