"""Storage Commitment reports as peers write them."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from ctsma_node import commitment
from ctsma_node.commitment import UNKNOWN_REASON, read_report


def item(uid: str, reason: int | None = None) -> Dataset:
    ds = Dataset()
    ds.ReferencedSOPInstanceUID = uid
    if reason is not None:
        ds.FailureReason = reason
    return ds


def report(committed: list[Dataset] | None = None, failed: list[Dataset] | None = None) -> Dataset:
    ds = Dataset()
    ds.TransactionUID = "2.25.7"
    if committed is not None:
        ds.ReferencedSOPSequence = committed
    if failed is not None:
        ds.FailedSOPSequence = failed
    return ds


def test_what_is_named_counts() -> None:
    found = read_report(report([item("1.2"), item("1.3")], [item("1.4", 0x0112)]))
    assert (found.transaction_uid, found.committed) == ("2.25.7", frozenset({"1.2", "1.3"}))
    assert found.failed == {"1.4": 0x0112}


def test_an_instance_that_is_both_has_failed() -> None:
    found = read_report(report([item("1.2")], [item("1.2", 0x0213)]))
    assert (found.committed, found.failed) == (frozenset(), {"1.2": 0x0213})


def test_a_report_may_say_nothing_and_give_no_reason() -> None:
    assert read_report(report()).committed == frozenset()
    assert read_report(report([], [item("1.2")])).failed == {"1.2": UNKNOWN_REASON}


@pytest.mark.parametrize(
    "ds", [Dataset(), report([item("")]), report([Dataset()]), report(None, [item("1.2" * 40)])]
)
def test_what_cannot_be_used_is_no_report(ds: Dataset) -> None:
    with pytest.raises(ValueError, match="no usable"):
        read_report(ds)


def test_a_report_without_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commitment, "MOST_INSTANCES", 2)
    with pytest.raises(ValueError, match="too many"):
        read_report(report([item("1.2"), item("1.3"), item("1.4")]))
