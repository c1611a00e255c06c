"""Storage Commitment reports that a destination brings over an association of its own (PS3.4 J.3.3)."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydicom import uid
from pydicom.dataset import Dataset
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import StorageCommitmentPushModel

from ctsma_node import log
from ctsma_node.commitment import read_report
from ctsma_node.config import Settings, SourceSettings
from ctsma_node.ledger.inbox import Inbox

_SUCCESS, _PROCESSING_FAILURE, _INVALID_ARGUMENT, _UNRECOGNISED = 0x0000, 0x0110, 0x0115, 0x0211
"""PS3.7 annex C."""


def reporters(settings: Settings) -> tuple[SourceSettings, ...]:
    """The destinations that are asked to commit, as peers that may open an association to report.

    One whose AE title is that of a source bound to a certificate comes in as that source, or not at all.
    """
    bound = {source.ae_title for source in settings.sources if source.is_bound}
    found = (
        SourceSettings(
            ae_title=each.proof_ae_title or each.ae_title,
            addresses=(each.proof_host or each.host,),
            certificate_sha256=each.tls_certificate_sha256,
        )
        for each in settings.destinations
        if each.kind == "dicom" and each.proof == "commitment"
    )
    return tuple(each for each in found if each.ae_title not in bound)


def report_contexts() -> list[PresentationContext]:
    """The presentation context for reports; the peer that opens the association is the SCP of this service.

    It says so by role selection (PS3.7 D.3.3.4), which is accepted; one that forgets it is taken, too.
    """
    context = build_context(
        StorageCommitmentPushModel, [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian]
    )
    context.scu_role = context.scp_role = True
    return [context]


class Reports:
    """Answers N-EVENT-REPORT requests: success only when the report is in the inbox, durably."""

    def __init__(self, inbox: Inbox, clock: Callable[[], float] = time.time) -> None:
        self._inbox = inbox
        self._clock = clock

    def __call__(self, event: Event) -> tuple[int, Dataset | None]:
        """Status, and no Event Reply. Raises nothing."""
        peer = event.assoc.requestor
        logger = log.logger.bind(calling_ae=peer.ae_title, address=peer.address_info.address)
        if event.context.abstract_syntax != StorageCommitmentPushModel:
            logger.warning("report.refused", code="not_storage_commitment")
            return _UNRECOGNISED, None
        try:
            report = read_report(event.event_information)
        except Exception as error:  # whatever the bytes do to the decoder, the report is none
            logger.warning("report.refused", code="unreadable", error=type(error).__name__)
            return _INVALID_ARGUMENT, None
        try:
            self._inbox.add_report(report, peer.ae_title, peer.address_info.address, self._clock())
        except Exception as error:  # nothing is acknowledged that was not kept
            logger.error("report.failed", **log.describe(error))
            return _PROCESSING_FAILURE, None
        n_committed = len(report.committed)
        logger.info("report.received", n_objects=n_committed, count=n_committed + len(report.failed))
        return _SUCCESS, None
