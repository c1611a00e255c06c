"""What a source's count is worth, and how long a sender is waited for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctsma_node.completion import (
    is_confirmed,
    largest_gap,
    learned_quiet_s,
    may_grow,
    next_question,
    standing_s,
)
from ctsma_node.completion.count import (
    APART_S,
    FEW_STANDING_S,
    LONGEST_BACKOFF_S,
    PAUSE_S,
    STANDING_S,
    UNREACHED_S,
)
from ctsma_node.completion.pace import FEWEST_SERIES, SENT_ANEW_S
from ctsma_node.records import SourceCount

COUNTED = SourceCount("1.2.3", instances=40, since=100.0, asked_at=101.0, failures=0, told="counted")
SILENT = SourceCount("1.2.3", instances=None, since=None, asked_at=101.0, failures=1, told="no_answer")
gaps = st.lists(st.floats(0, 100), max_size=60)


def test_an_early_answer_that_is_reached_and_given_again_ends_the_wait() -> None:
    assert is_confirmed(COUNTED, 40, last_instance_at=100.9, standing=STANDING_S)
    assert is_confirmed(COUNTED, 41, last_instance_at=100.9, standing=STANDING_S)  # one was deleted there


@pytest.mark.parametrize(
    ("count", "n_instances", "last_instance_at", "standing"),
    [
        (None, 40, 100.0, 0.5),  # never asked
        (SILENT, 40, 100.0, 0.5),  # no number
        (COUNTED, 39, 100.0, 0.5),  # not reached
        (COUNTED, 40, 101.1, 0.5),  # an instance came after the question
        (COUNTED, 40, 100.9, 1.5),  # has not stood still for long enough
        (replace(COUNTED, since=101.0), 40, 100.9, 0.5),  # has just grown
    ],
)
def test_nothing_less_does(
    count: SourceCount | None, n_instances: int, last_instance_at: float, standing: float
) -> None:
    assert not is_confirmed(count, n_instances, last_instance_at, standing)


def test_beside_a_whole_geometry_one_answer_will_do() -> None:
    assert is_confirmed(replace(COUNTED, since=101.0), 40, 100.9, standing=0.0)


def test_slow_instances_ask_for_a_longer_standing_still() -> None:
    assert standing_s(0.02, 100, 30.0) == STANDING_S
    assert standing_s(2.0, 100, 30.0) == 6.0
    assert standing_s(60.0, 100, 30.0) == 30.0


def test_the_first_instances_tell_nothing_of_the_pace() -> None:
    assert standing_s(0.0, 1, 30.0) == FEW_STANDING_S
    assert standing_s(0.0, 1, 1.0) == 1.0


def test_a_source_that_holds_more_is_known() -> None:
    assert may_grow(COUNTED, 39)
    assert not may_grow(COUNTED, 40)
    assert not may_grow(SILENT, 1)
    assert not may_grow(None, 1)


def test_when_to_ask() -> None:
    assert next_question(None, 1, 100.0, 0.5) <= 100.0
    assert next_question(COUNTED, 39, 100.0, 0.5) == 101.0 + UNREACHED_S
    assert next_question(COUNTED, 40, 105.0, 0.5) == 105.0 + PAUSE_S  # as soon as it is reached
    assert next_question(COUNTED, 40, 101.1, 0.5) == 101.0 + APART_S
    assert next_question(COUNTED, 40, 100.9, 3.0) == 103.0  # when it will have stood still


def test_a_silent_source_is_asked_less_and_less_often() -> None:
    waits = [next_question(replace(SILENT, failures=n), 1, 0.0, 0.5) - 101.0 for n in range(1, 100)]
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(waits) == LONGEST_BACKOFF_S


@given(
    n=st.integers(1, 100),
    count=st.integers(1, 100),
    since=st.floats(0, 50),
    stood=st.floats(0, 50),
    last=st.floats(0, 100),
    standing=st.floats(0.5, 30),
)
def test_asking_when_it_is_due_ends_the_wait(
    n: int, count: int, since: float, stood: float, last: float, standing: float
) -> None:
    """A reached count that does not change any more is confirmed after two more questions at most."""
    known = SourceCount("1.2.3", count, since, since + stood, 0, "counted")
    for _ in range(2):
        if n >= count and not is_confirmed(known, n, last, standing):
            known = replace(known, asked_at=next_question(known, n, last, standing) + 1e-6)
    assert is_confirmed(known, n, last, standing) == (n >= count)


def test_the_largest_gap_in_any_order() -> None:
    assert largest_gap([5.0, 1.0, 1.5]) == 3.5
    assert largest_gap([1.0]) == largest_gap([]) == 0.0
    assert largest_gap([0.0, 1.0, 1.0 + 2 * SENT_ANEW_S]) == 1.0  # somebody sent it once more


def test_the_worked_example() -> None:
    quick = [0.2] * 20
    assert learned_quiet_s(quick, 3.0, 30.0) == 3.0
    assert learned_quiet_s([*quick[:18], 4.0, 4.0], 3.0, 30.0) == 12.0
    assert learned_quiet_s([*quick[:18], 12.0, 12.0], 3.0, 30.0) == 30.0


def test_a_sender_that_is_hardly_known_is_given_the_whole_time() -> None:
    assert learned_quiet_s([0.01] * (FEWEST_SERIES - 1), 3.0, 30.0) == 30.0


@given(gaps, st.floats(0, 100))
def test_never_less_nor_more_than_allowed_and_a_new_gap_shortens_nothing(
    known: list[float], gap: float
) -> None:
    learned = learned_quiet_s(known, 3.0, 30.0)
    assert 3.0 <= learned <= 30.0
    if len(known) >= FEWEST_SERIES:
        assert learned_quiet_s([*known, max([gap, *known])], 3.0, 30.0) >= learned
