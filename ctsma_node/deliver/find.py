"""Query SCU: which instances a peer holds, asked at IMAGE level (PS3.4 annex C)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset
from pynetdicom.association import Association
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from ctsma_node.deliver.association import (
    NATIVE,
    DeliveryError,
    Peer,
    leave,
    open_association,
    proposed_contexts,
)

_MODEL = str(StudyRootQueryRetrieveInformationModelFind)
_MOST_MATCHES = 10_000
_SUCCESS = 0x0000
_PENDING = (0xFF00, 0xFF01)  # PS3.4 C.4.1.1.4


class Unanswered(DeliveryError):
    """The peer did not say which instances it holds. Asking later may help."""


def held(peer: Peer, study_uid: str, series_uids: Sequence[str]) -> frozenset[str]:
    """SOP Instance UIDs that the peer has of these series of a study.

    One question for each series, by its UIDs alone, and not one for each instance: a list of UIDs is matched
    by some peers and not by others, a series by all (PS3.4 C.2.2.2). What a peer returns of other series
    still is what it has.
    Raises AssociationError, ContextsError, and Unanswered where the peer fails or does not come to an end
    within the time for one DIMSE message.
    """
    assoc = open_association(peer, proposed_contexts([(_MODEL, NATIVE[0])]))
    try:
        return frozenset(
            uid for series_uid in series_uids for uid in _matches(assoc, peer, study_uid, series_uid)
        )
    finally:
        leave(assoc)


def _matches(assoc: Association, peer: Peer, study_uid: str, series_uid: str) -> Iterator[str]:
    deadline = time.monotonic() + peer.dimse_s
    try:
        answers = assoc.send_c_find(_query(study_uid, series_uid), _MODEL)
    except RuntimeError:  # lost since the last series
        raise Unanswered("the association was lost before the peer answered the C-FIND") from None
    for number, (status, identifier) in enumerate(answers, start=1):
        code = status.get("Status")
        if code == _SUCCESS:
            return
        if code not in _PENDING:
            lost = "no answer to the C-FIND" if code is None else f"C-FIND answered with 0x{code:04X}"
            raise Unanswered(lost)
        if number > _MOST_MATCHES or time.monotonic() > deadline:
            assoc.abort()
            raise Unanswered("the C-FIND came to no end")
        uid = "" if identifier is None else str(identifier.get("SOPInstanceUID") or "")
        if uid:
            yield uid.strip(" \0")
    raise Unanswered("the C-FIND came to no end")


def _query(study_uid: str, series_uid: str) -> Dataset:
    ds = Dataset()
    ds.QueryRetrieveLevel = "IMAGE"
    ds.StudyInstanceUID = study_uid
    ds.SeriesInstanceUID = series_uid
    ds.SOPInstanceUID = ""
    return ds
