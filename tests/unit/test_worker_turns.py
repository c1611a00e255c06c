"""Whose turn it is among cases that wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctsma_node.ledger.cases import Cases
from ctsma_node.records import Case, SeriesState
from ctsma_node.worker.turns import next_case

S = SeriesState


@pytest.fixture
def waiting(tmp_path: Path) -> list[Case]:
    """Number 1 is accepted, 2 and 3 are stable."""
    cases = Cases(tmp_path / "ledger.sqlite3")
    made = [cases.upsert_series(f"1.2.{n}", "1.2", 1.0, 3, "PACS") for n in range(3)]
    found = [cases.move(case.id, S.STABLE) for case in made]
    found[0] = cases.move(found[0].id, S.ACCEPTED)
    cases.close()
    return found


@pytest.mark.parametrize(
    ("at_hand", "gathers", "expected"),
    [
        ((), False, 1),
        ((3,), False, 3),  # what is in memory first
        ((1,), True, 2),  # another is accepted beside it
        ((1, 2), True, 3),
        ((1, 2, 3), True, 1),
        ((1, 2), False, 1),
        ((), True, 1),  # the oldest, whatever it waits for
    ],
)
def test_the_next(waiting: list[Case], at_hand: tuple[int, ...], gathers: bool, expected: int) -> None:
    found = next_case(waiting, at_hand, gathers)
    assert found is not None
    assert found.id == expected


def test_nobody_waits() -> None:
    assert next_case([], (1,), True) is None
