"""Storage Commitment reports (PS3.4 J.3.3): read alike by whoever takes one, receiver or courier."""

from __future__ import annotations

from pydicom.dataset import Dataset

from ctsma_node.records import CommitmentReport
from ctsma_node.uids import is_uid

MOST_INSTANCES = 10_000
"""A set of two knees has about 200; a report longer than this is none of ours."""

UNKNOWN_REASON = 0x0110
"""Processing failure (PS3.3 C.14.1.1): a failed instance without a reason is asked for again."""


def read_report(ds: Dataset) -> CommitmentReport:
    """The Event Information of an N-EVENT-REPORT, by what it names, whatever its Event Type ID says.

    An instance that is neither in the Referenced SOP Sequence (0008,1199) nor in the Failed SOP Sequence
    (0008,1198) has nothing said of it; one that is in both has failed.
    Raises ValueError where there is no usable Transaction UID or instance. Its text quotes nothing.
    """
    committed, failed = _items(ds, "ReferencedSOPSequence"), _items(ds, "FailedSOPSequence")
    if len(committed) + len(failed) > MOST_INSTANCES:
        raise ValueError("the report names too many instances")
    reasons = {_uid(item, "ReferencedSOPInstanceUID"): _reason(item) for item in failed}
    named = {_uid(item, "ReferencedSOPInstanceUID") for item in committed}
    return CommitmentReport(_uid(ds, "TransactionUID"), frozenset(named - set(reasons)), reasons)


def _items(ds: Dataset, keyword: str) -> list[Dataset]:
    return list(ds.get(keyword) or ())


def _uid(ds: Dataset, keyword: str) -> str:
    text = str(ds.get(keyword, "")).strip(" \0")
    if not is_uid(text):
        raise ValueError(f"no usable {keyword} in the report")
    return text


def _reason(item: Dataset) -> int:
    try:
        reason = int(item.get("FailureReason", UNKNOWN_REASON))
    except (TypeError, ValueError):
        return UNKNOWN_REASON
    return reason if 0 <= reason <= 0xFFFF else UNKNOWN_REASON
