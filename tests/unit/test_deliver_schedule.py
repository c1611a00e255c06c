"""The retry schedule is a pure function: bounded, growing, reproducible, and it ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctsma_node.deliver.schedule import JITTER, RetrySchedule

DAY_S = 24 * 3600.0
SCHEDULE = RetrySchedule(first_s=30.0, factor=2.0, max_s=3600.0, horizon_s=7 * DAY_S)


@pytest.mark.parametrize(
    ("attempt", "base_s"), [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (9, 3600), (10_000, 3600)]
)
def test_the_worked_example_of_the_docstring(attempt: int, base_s: float) -> None:
    assert SCHEDULE.delay_s(attempt, "case 7/PACS") == pytest.approx(base_s, rel=JITTER)


@given(attempt=st.integers(1, 500), key=st.text(max_size=20))
def test_a_delay_stays_within_its_jitter_and_never_changes(attempt: int, key: str) -> None:
    base = min(30.0 * 2.0 ** min(attempt - 1, 20), 3600.0)
    delay = SCHEDULE.delay_s(attempt, key)
    assert (1 - JITTER) * base <= delay <= (1 + JITTER) * base
    assert delay == SCHEDULE.delay_s(attempt, key)


def test_sets_that_failed_together_come_back_apart() -> None:
    delays = {SCHEDULE.delay_s(8, f"case {n}/PACS") for n in range(200)}
    assert len(delays) == 200
    assert max(delays) - min(delays) > 0.3 * 3600


def test_an_outage_of_seven_days_is_bridged_to_its_last_second_and_no_further() -> None:
    now, attempt = 1000.0, 0
    while (due := SCHEDULE.next_due(attempt + 1, "k", since=1000.0, now=now)) is not None:
        attempt, now = attempt + 1, due
    assert now == 1000.0 + 7 * DAY_S
    assert 7 * 24 <= attempt <= 7 * 24 * 1.5


def test_attempts_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        SCHEDULE.delay_s(0, "k")
