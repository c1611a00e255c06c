"""C-FIND as an SCU in the Study Root model (PS3.4 C.4.1, C.6.2.1): the question, and what comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pydicom.dataset import Dataset
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind
from pynetdicom.status import code_to_category

from ctsma_node.deliver.association import NATIVE, DeliveryError, proposed_contexts

MODEL = str(StudyRootQueryRetrieveInformationModelFind)
MOST_RESPONSES = 20_000
"""Further responses to one question are not awaited: no series has so many instances."""


class Unanswered(DeliveryError):
    """The peer did not tell what it was asked; the message says how. Asking later may help."""


def find_contexts() -> list[PresentationContext]:
    """The presentation contexts that a question needs."""
    return proposed_contexts([(MODEL, NATIVE[0])])


def instance_query(study_uid: str, series_uid: str) -> Dataset:
    """All instances of a series, by its UIDs alone: each peer matches these (PS3.4 C.2.2.2)."""
    ds = Dataset()
    ds.QueryRetrieveLevel = "IMAGE"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study_uid, series_uid
    ds.SOPInstanceUID = ""
    return ds


def matches(assoc: Association, query: Dataset, ends_at: float) -> Iterator[Dataset]:
    """Identifiers of the pending responses (PS3.4 C.4.1.1.4), until success or a warning ends them.

    Raises Unanswered where anything else ends them, or where they go on past `ends_at` (time.monotonic). The
    association is over then: a question that is left with responses still to come cannot be followed by
    another one.
    """
    how = "the association was lost before the C-FIND was answered"
    try:
        for number, (status, identifier) in enumerate(assoc.send_c_find(query, MODEL)):
            if "Status" not in status:
                break
            category = code_to_category(status.Status)
            if category in ("Success", "Warning"):
                return
            if category != "Pending":
                how = f"C-FIND answered with 0x{status.Status:04X}"
                break
            if number >= MOST_RESPONSES or time.monotonic() > ends_at:
                how = "the C-FIND came to no end"
                break
            if identifier is not None:
                yield identifier
    except (RuntimeError, ValueError):  # the association ended, or the model was not accepted after all
        pass
    if assoc.is_established:
        assoc.abort()
    raise Unanswered(how)
