"""Storage Commitment of the test instance: asked for as the worker asks, its report awaited on either way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ctsma_node.cli.doctor.finding import Finding, ok, warning, wrong
from ctsma_node.config import Settings
from ctsma_node.deliver import DeliveryError, Peer
from ctsma_node.deliver.commitment import Wanted, ask, judge
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.records import CommitmentReport

REPORT_S = 15.0
"""How long the report is waited for; an archive may also commit at night, which this cannot see."""

_LOOK_S = 0.2
_WHAT = "N-ACTION"


def commit(area: str, settings: Settings, peer: Peer, sent: Dataset) -> Iterator[Finding]:
    """Ask the peer to commit to an instance that it has stored (PS3.4 annex J)."""
    uid, wanted = generate_uid(prefix=None), Wanted(str(sent.SOPClassUID), str(sent.SOPInstanceUID))
    with closing(InboxReader(settings.inbox_path)) as inbox:
        before = max((row for row, _ in inbox.reports_after(0)), default=0)
        try:
            own = _Own(uid)
            ask(peer, uid, [wanted], lambda: True, settings.delivery.linger_s, own)
        except DeliveryError as error:
            remedy = "Have the PACS offer Storage Commitment to this node, or set another `proof`."
            yield wrong(area, _WHAT, str(error), remedy)
            return
        way, report = "the same association", own.report
        if report is None:
            way, report = "an association of its own", _reported(inbox, before, uid)
    if report is None:
        node, port = settings.node, settings.tls.port if settings.tls.enabled else settings.node.port
        remedy = (
            f"The PACS reports to AE title {node.ae_title} at port {port} here: enter that there, let the "
            "receiver run, and see whether the PACS commits at once or later."
        )
        yield warning(area, _WHAT, f"requested, and no report within {REPORT_S:.0f} s", remedy)
    elif wanted.sop_instance_uid in report.committed:
        yield ok(area, _WHAT, f"committed; the report came over {way}")
    else:
        _, text = judge(report.failed.get(wanted.sop_instance_uid, 0x0110))
        yield wrong(area, _WHAT, text, "Look at the log of the PACS: it has stored the instance.")


class _Own:
    """Takes the report of the test instance; the worker's own reports are to be brought to the worker."""

    def __init__(self, transaction_uid: str) -> None:
        self.report: CommitmentReport | None = None
        self._transaction_uid = transaction_uid

    def __call__(self, report: CommitmentReport) -> None:
        if report.transaction_uid != self._transaction_uid:
            raise ValueError("the report of another transaction")
        self.report = report


def _reported(inbox: InboxReader, before: int, transaction_uid: str) -> CommitmentReport | None:
    """What the receiver took, if it runs."""
    deadline = time.monotonic() + REPORT_S
    while True:
        for _, report in inbox.reports_after(before):
            if report.transaction_uid == transaction_uid:
                return report
        if time.monotonic() > deadline:
            return None
        time.sleep(_LOOK_S)
