"""Takes over the Storage Commitment reports that peers sent, to the receiver or to a courier."""

from __future__ import annotations

from ctsma_node import log
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.records import CommitmentReport
from ctsma_node.worker.ending import Ending
from ctsma_node.worker.verdicts import Verdicts


class Reports:
    """The sweep over the receiver's reports. It may repeat itself after a crash: what is proven stays so."""

    def __init__(self, inbox: InboxReader, cases: Cases, verdicts: Verdicts, ending: Ending) -> None:
        self._inbox = inbox
        self._cases = cases
        self._verdicts = verdicts
        self._ending = ending

    def sweep(self) -> None:
        """Record what each new report says, and end the cases that wait for nothing more."""
        for rowid, report in self._inbox.reports_after(self._cases.taken("report")):
            take_over(report, self._verdicts, self._ending)
            self._cases.take("report", rowid)


def take_over(report: CommitmentReport, verdicts: Verdicts, ending: Ending) -> None:
    """Record what a report says, and end its case where that waits for nothing more."""
    case_id = verdicts.take(report)
    log.logger.info(
        "commitment.reported",
        case=case_id,
        n_objects=len(report.committed),
        count=len(report.committed) + len(report.failed),
        code=None if case_id is not None else "nothing_waits_for_it",
    )
    if case_id is not None:
        ending.settle(case_id)
