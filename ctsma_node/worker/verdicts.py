"""What was learnt of an instance that was sent becomes the next state of its delivery."""

from __future__ import annotations

import time
from collections.abc import Callable

from ctsma_node import log
from ctsma_node.deliver import RetrySchedule, Verdict
from ctsma_node.deliver.commitment import judge
from ctsma_node.ledger.cases import Cases
from ctsma_node.records import CommitmentReport, Delivery


class Verdicts:
    """Writes verdicts into the ledger; couriers and the taker of reports share it."""

    def __init__(self, cases: Cases, schedule: RetrySchedule, clock: Callable[[], float] = time.time) -> None:
        self._cases = cases
        self._schedule = schedule
        self._clock = clock

    def next_due(self, row: Delivery, attempt: int) -> float | None:
        """When to try again after attempt number `attempt` of something; None when the horizon has passed."""
        # The key is the set's, not the row's: what failed together is tried together, in its order.
        key = f"{row.case_id}/{row.destination}"
        return self._schedule.next_due(attempt, key, since=row.horizon_from, now=self._clock())

    def write(self, row: Delivery, verdict: Verdict, text: str, asked: int) -> None:
        """Record a verdict; `asked` is how often the proof was asked for since the instance was sent.

        A missing instance is sent again after the delay that its number of sends asks for: one that the peer
        loses each time ends at the horizon, like one that it never takes.
        """
        if verdict is Verdict.PROVEN:
            self._cases.proven(row.id, text)
        elif verdict is Verdict.NEVER:
            self._cases.proof_refused(row.id, text)
        else:
            missing = verdict is Verdict.MISSING
            due_at = self.next_due(row, row.attempts if missing else asked)
            if due_at is None:
                self._cases.proof_failed(row.id, f"stored by its answer, never proven: {text}")
            elif missing:
                log.logger.warning(
                    "delivery.missing",
                    case=row.case_id,
                    destination=row.destination,
                    instance=row.sop_instance_uid,
                    attempt=row.attempts,
                    reason=text,
                )
                self._cases.proof_missing(row.id, due_at, text)
            else:
                self._cases.proof_later(row.id, due_at, text, asked)

    def take(self, report: CommitmentReport) -> int | None:
        """Record what a Storage Commitment report says; returns the case it is about.

        None when no delivery waits for it: it came before, is about a request never made, or came so late
        that all it names was proven or sent again.
        """
        rows = self._cases.asked_in(report.transaction_uid)
        for row in rows:
            if row.sop_instance_uid in report.committed:
                self.write(row, Verdict.PROVEN, "committed by the peer (PS3.4 J.3.3)", row.asked)
            elif row.sop_instance_uid in report.failed:
                verdict, text = judge(report.failed[row.sop_instance_uid])
                self.write(row, verdict, text, row.asked)
        return rows[0].case_id if rows else None
