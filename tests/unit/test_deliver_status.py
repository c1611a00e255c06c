"""What each C-STORE status means, against the standard's tables and what peers count as delivered."""

from __future__ import annotations

from itertools import pairwise

import pytest
from pydicom.uid import (
    Comprehensive3DSRStorage,
    CTImageStorage,
    KeyObjectSelectionDocumentStorage,
    ParametricMapStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from ctsma_node.deliver.order import in_reference_order
from ctsma_node.deliver.status import STATUSES, Outcome, classify


@pytest.mark.parametrize(
    "status", [0x0000, 0x0001, 0x0107, 0x0111, 0x0116, 0xB000, 0xB001, 0xB006, 0xB007, 0xB00E, 0xBFFF]
)
def test_delivered(status: int) -> None:
    assert classify(status).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("status", [0xA700, 0xA701, 0xA7FF, 0x0110, 0x0213])
def test_worth_another_attempt(status: int) -> None:
    assert classify(status).outcome is Outcome.TRANSIENT


@pytest.mark.parametrize("status", [0xA900, 0xA9FF, 0xC000, 0xC123, 0xCFFF, 0x0122, 0x0117, 0x0124])
def test_an_honest_end(status: int) -> None:
    assert classify(status).outcome is Outcome.PERMANENT


@pytest.mark.parametrize("status", [0x0002, 0xA800, 0xD000, 0xFF00, 0xFFFF])
def test_a_status_outside_the_tables_is_never_taken_for_success(status: int) -> None:
    assert classify(status).outcome is Outcome.TRANSIENT


def test_the_rows_are_sorted_and_do_not_overlap() -> None:
    assert all(row.first <= row.last for row in STATUSES)
    assert all(before.last < after.first for before, after in pairwise(STATUSES))


def test_what_is_referred_to_goes_first() -> None:
    made = [
        (SecondaryCaptureImageStorage, "picture"),
        (Comprehensive3DSRStorage, "report"),
        (ParametricMapStorage, "BV/TV"),
        (CTImageStorage, "slice 2"),
        (KeyObjectSelectionDocumentStorage, "key objects"),
        ("1.2.3", "unknown"),
        (SegmentationStorage, "subregions"),
        (CTImageStorage, "slice 1"),
        (ParametricMapStorage, "Tb.Th"),
    ]
    sent = [name for _, name in in_reference_order(made, lambda item: item[0])]
    assert sent == [
        *("slice 2", "slice 1", "subregions", "BV/TV", "Tb.Th"),
        *("report", "picture", "key objects", "unknown"),
    ]
