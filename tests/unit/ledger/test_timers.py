"""What waits is moved along with a clock that was set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ctsma_node.ledger.cases import Cases
from ctsma_node.records import ResultObject, SeriesState

NOW, HOUR_S = 10_000.0, 3600.0


class Pacs:
    name = "pacs"
    objects = ("report",)


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cases(tmp_path: Path, clock: Clock) -> Iterator[Cases]:
    with_clock = Cases(tmp_path / "ledger.sqlite3", clock=clock)
    yield with_clock
    with_clock.close()


def set_by(step_s: float, clock: Clock, cases: Cases) -> None:
    clock.now += step_s
    cases.move_timers(step_s)


def test_quiet_time_and_timers_move(cases: Cases, clock: Clock) -> None:
    case = cases.upsert_series("1.2.3", "1.2", NOW, 3, "SCANNER")
    cases.set_timer(case.id, NOW + 30)
    cases.record_count("1.2.3", 4, "count", NOW + 1)
    clock.now += 2
    set_by(-HOUR_S, clock, cases)
    moved, count = cases.get(case.id), cases.source_count("1.2.3")
    assert (moved.last_instance_at, moved.due_at) == (NOW - HOUR_S, NOW - HOUR_S + 30)
    assert count is not None
    assert (count.since, count.asked_at) == (NOW - HOUR_S + 1, NOW - HOUR_S + 1)


def reported(cases: Cases) -> int:
    """A case with one object that is due at the PACS."""
    case = cases.upsert_series("1.2.3", "1.2", 1.0, 3, "SCANNER")
    for state in (SeriesState.STABLE, SeriesState.ACCEPTED, SeriesState.ANALYSED):
        cases.move(case.id, state)
    result = ResultObject("2.25.1", "1.2.3", "2.25.7", "report", "L", "1/a.dcm", 4, "0" * 64)
    cases.add_results(case.id, [result])
    cases.add_deliveries(case.id, [Pacs()])
    return case.id


def test_deliveries_move_with_their_horizon_and_history_stays(cases: Cases, clock: Clock) -> None:
    case = reported(cases)
    cases.delivery_retry(cases.deliveries(case)[0].id, NOW + 60, None, "no answer")
    events = cases.events(case)
    set_by(HOUR_S, clock, cases)
    (row,) = cases.deliveries(case)
    assert (row.due_at, row.horizon_from) == (NOW + HOUR_S + 60, NOW + HOUR_S)
    assert cases.get(case).last_instance_at == 1.0
    assert cases.events(case) == events


def test_what_was_written_by_the_clock_as_it_is_now_stays(cases: Cases, clock: Clock) -> None:
    case = reported(cases)
    clock.now += HOUR_S
    cases.delivery_retry(cases.deliveries(case)[0].id, clock.now + 60, None, "no answer")
    cases.move_timers(HOUR_S)
    assert cases.deliveries(case)[0].due_at == clock.now + 60


def ask(cases: Cases, case: int, uid: str) -> str:
    rows = [row.id for row in cases.deliveries(case)]
    return cases.ask_commitment(case, "pacs", rows, lambda _: uid)


@pytest.mark.parametrize("step_s", [-HOUR_S, HOUR_S])
def test_a_request_to_commit_is_about_what_was_sent_before_the_clock_was_set(
    cases: Cases, clock: Clock, step_s: float
) -> None:
    case = reported(cases)
    (row,) = cases.deliveries(case)
    cases.delivery_stored(row.id, 0x0000, clock.now)
    clock.now += 10
    set_by(step_s, clock, cases)
    uid = ask(cases, case, "2.25.100")
    assert [each.id for each in cases.asked_in(uid)] == [row.id]


@pytest.mark.parametrize("step_s", [-HOUR_S, HOUR_S])
def test_a_request_to_commit_is_not_about_what_is_sent_again_behind_a_clock_that_was_set(
    cases: Cases, clock: Clock, step_s: float
) -> None:
    case = reported(cases)
    (row,) = cases.deliveries(case)
    cases.delivery_stored(row.id, 0x0000, clock.now)
    clock.now += 10
    uid = ask(cases, case, "2.25.100")
    set_by(step_s, clock, cases)
    assert [each.id for each in cases.asked_in(uid)] == [row.id]
    clock.now += 10
    cases.proof_missing(row.id, clock.now, "missing")
    cases.delivery_stored(row.id, 0x0000, clock.now)
    assert cases.asked_in(uid) == []


def test_what_people_were_told_up_to_does_not_lie_in_the_future(cases: Cases, clock: Clock) -> None:
    cases.begin_telling("mail", NOW)
    set_by(-HOUR_S, clock, cases)
    assert cases.told_until("mail") == NOW - HOUR_S
    set_by(2 * HOUR_S, clock, cases)
    assert cases.told_until("mail") == NOW - HOUR_S  # what failed before it was set ahead is still to be told


def test_the_quiet_time_of_a_series_can_begin_anew(cases: Cases) -> None:
    case = cases.upsert_series("1.2.3", "1.2", NOW + HOUR_S, 3, "SCANNER")
    cases.last_instance_now(case.id)
    assert cases.get(case.id).last_instance_at == NOW
