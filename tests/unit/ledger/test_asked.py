"""What a person may ask of a case, and what stays as it was."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctsma_node.ledger.asked import AskedCases, can_be_cancelled, can_be_resent, state_when_requeued
from ctsma_node.records import END_STATES, REOPENINGS, Case, DeliveryState, SeriesState
from tests.unit.ledger.test_cases import PATH_TO, Peer, result

S = SeriesState
ENDS = [(end, last) for end, states in REOPENINGS.items() for last in sorted(states)]


@pytest.fixture
def cases(tmp_path: Path) -> Iterator[AskedCases]:
    ticks = itertools.count(100)
    ledger = AskedCases(tmp_path / "ledger.sqlite3", clock=lambda: float(next(ticks)))
    yield ledger
    ledger.close()


def brought_to(cases: AskedCases, *path: SeriesState, series: str = "1.2.3") -> Case:
    case = cases.upsert_series(series, "1.2", 1.0, 3, "PACS")
    for step in path:
        case = cases.move(case.id, step, code="why" if step in END_STATES else None)
    return case


def nothing_purged(series_uid: str) -> int:
    return 0


def requeued(cases: AskedCases, case: Case) -> Case | None:
    return cases.requeue(case.id, cases.events(case.id)[-1].id, nothing_purged)


def with_deliveries(cases: AskedCases) -> Case:
    case = brought_to(cases, *PATH_TO[S.ANALYSED])
    cases.add_results(case.id, [result(1), result(2, "picture")])
    cases.add_deliveries(case.id, [Peer("pacs")])
    return cases.move(case.id, S.REPORTED)


@pytest.mark.parametrize(("end", "last"), [pair for pair in ENDS if pair[0] is not S.DELIVERED])
def test_an_ended_case_goes_back_to_where_it_ended(
    cases: AskedCases, end: SeriesState, last: SeriesState
) -> None:
    case = brought_to(cases, *PATH_TO[last], end)
    assert state_when_requeued(cases, case, 0) is last
    again = requeued(cases, case)
    assert again is not None
    assert (again.state, again.code, again.attempts, again.running) == (last, None, 0, False)
    event = cases.events(case.id)[-1]
    assert (event.action, event.from_state, event.to_state) == ("requeued", end, last)
    assert cases.move(case.id, end, code="why").state is end
    assert state_when_requeued(cases, cases.get(case.id), 0) is last


def test_the_database_holds_the_same_reopenings_as_the_records(cases: AskedCases, tmp_path: Path) -> None:
    rows = sqlite3.connect(tmp_path / "ledger.sqlite3").execute("SELECT * FROM reopening").fetchall()
    assert set(rows) == set(ENDS)


def test_what_was_not_delivered_is_due_again_and_what_was_stays(cases: AskedCases) -> None:
    case = with_deliveries(cases)
    sent, lost = cases.deliveries(case.id)
    cases.delivery_done(sent.id)
    cases.delivery_failed(lost.id, None, "A week has passed.")
    case = cases.move(case.id, S.DELIVERED, code="partly_delivered")
    again = requeued(cases, case)
    assert again is not None
    assert again.state is S.REPORTED
    states = [(d.state, d.attempts, d.due_at is not None) for d in cases.deliveries(case.id)]
    assert states == [(DeliveryState.DELIVERED, 1, False), (DeliveryState.PENDING, 0, True)]
    assert [d.id for d in cases.due_deliveries(1e9)] == [lost.id]


def test_an_ended_delivery_is_reopened_as_pending_only(cases: AskedCases, tmp_path: Path) -> None:
    case = with_deliveries(cases)
    sent, lost = cases.deliveries(case.id)
    cases.delivery_done(sent.id)
    cases.delivery_rejected(lost.id, 0xA900, "No.")
    cases.close()
    other = sqlite3.connect(tmp_path / "ledger.sqlite3")
    for number, state in ((sent.id, "rejected"), (sent.id, "failed"), (lost.id, "delivered")):
        with pytest.raises(sqlite3.IntegrityError, match="has ended"):
            other.execute("UPDATE delivery SET state = ?, due_at = NULL WHERE id = ?", (state, number))
    other.close()


def test_a_case_that_waits_is_tried_now(cases: AskedCases) -> None:
    case = brought_to(cases, S.STABLE)
    assert state_when_requeued(cases, case, 0) is None  # it waits for nothing but its turn
    cases.claim(case.id)
    assert state_when_requeued(cases, cases.get(case.id), 0) is None
    waiting = cases.release(case.id, 9e9, "io_error", "The disk.")
    again = requeued(cases, waiting)
    assert again is not None
    assert (again.state, again.due_at, again.attempts) == (S.STABLE, None, 0)


def test_a_delivery_that_waits_is_due_now(cases: AskedCases) -> None:
    case = with_deliveries(cases)
    for each in cases.deliveries(case.id):
        cases.delivery_retry(each.id, 9e9, None, "No route.")
    assert cases.due_deliveries(1e6) == []
    assert requeued(cases, case) is not None
    assert len(cases.due_deliveries(1e6)) == 2


def test_nothing_is_tried_that_is_done_superseded_or_has_gone_on(cases: AskedCases) -> None:
    receiving = brought_to(cases, series="1.1")
    delivered = brought_to(cases, *PATH_TO[S.DELIVERED], series="1.2")
    old = brought_to(cases, *PATH_TO[S.FAILED], series="1.3")
    cases.upsert_series("1.3", "1.2", 2.0, 4, "PACS")
    for case in (receiving, delivered, old):
        assert state_when_requeued(cases, case, 0) is None
        assert requeued(cases, case) is None
    failed = brought_to(cases, *PATH_TO[S.FAILED], series="1.4")
    seen = cases.events(failed.id)[-1].id
    assert cases.requeue(failed.id, seen - 1, nothing_purged) is None
    assert cases.requeue(failed.id, seen, nothing_purged) is not None
    assert cases.requeue(failed.id, seen, nothing_purged) is None  # the same command a second time


@pytest.mark.parametrize("state", list(S))
def test_only_what_is_under_way_can_be_cancelled(cases: AskedCases, state: SeriesState) -> None:
    case = brought_to(cases, *PATH_TO[state])
    under_way = state in (S.STABLE, S.ACCEPTED, S.ANALYSED, S.REPORTED)
    assert can_be_cancelled(case) is under_way
    cancelled = cases.cancel(case.id)
    assert (cancelled is not None) is under_way
    if cancelled is not None:
        assert (cancelled.state, cancelled.code) == (S.FAILED, "cancelled")
        assert cases.cancel(case.id) is None


def test_nothing_of_a_cancelled_case_is_sent_until_it_is_requeued(cases: AskedCases) -> None:
    case = with_deliveries(cases)
    cases.delivery_done(cases.deliveries(case.id)[0].id)
    assert cases.cancel(case.id) is not None
    assert [d.state for d in cases.deliveries(case.id)] == [DeliveryState.DELIVERED, DeliveryState.FAILED]
    assert cases.due_deliveries(9e9) == []
    again = requeued(cases, cases.get(case.id))
    assert again is not None
    assert again.state is S.REPORTED
    assert len(cases.due_deliveries(9e9)) == 1


def test_what_was_sent_and_not_proven_ends_with_its_case(cases: AskedCases) -> None:
    case = with_deliveries(cases)
    cases.delivery_stored(cases.deliveries(case.id)[0].id, 0x0000, 1.0)
    assert cases.cancel(case.id) is not None
    assert {d.state for d in cases.deliveries(case.id)} == {DeliveryState.FAILED}
    assert cases.due_proofs(9e9) == []


def test_what_was_sent_has_its_proof_asked_for_at_once_and_is_not_sent_again(cases: AskedCases) -> None:
    case = with_deliveries(cases)
    stored, lost = cases.deliveries(case.id)
    cases.delivery_stored(stored.id, 0x0000, 1.0)
    cases.proof_later(stored.id, 9e9, "No report yet.", 7)
    cases.delivery_done(lost.id)
    assert cases.due_proofs(1e6) == []
    assert requeued(cases, case) is not None
    (due,) = cases.due_proofs(1e6)
    assert (due.id, due.attempts, due.asked) == (stored.id, 1, 0)
    assert due.horizon_from > stored.horizon_from  # a week of its own
    assert cases.due_deliveries(9e9) == []
    assert cases.deliveries(case.id)[1].state is DeliveryState.DELIVERED


@pytest.mark.parametrize("last", [S.STABLE, S.ACCEPTED, S.ANALYSED])
def test_a_case_whose_instances_were_purged_is_left_as_it_ended(cases: AskedCases, last: SeriesState) -> None:
    case = brought_to(cases, *PATH_TO[last], S.FAILED)
    assert state_when_requeued(cases, case, 3) is None
    assert cases.requeue(case.id, cases.events(case.id)[-1].id, lambda series_uid: 3) is None
    assert (cases.get(case.id).state, cases.get(case.id).code) == (S.FAILED, "why")


def test_sending_needs_no_instances_and_what_was_delivered_and_purged_stays(cases: AskedCases) -> None:
    case = with_deliveries(cases)
    there, lost = cases.deliveries(case.id)
    cases.delivery_done(there.id)
    cases.delivery_failed(lost.id, None, "A week has passed.")
    case = cases.move(case.id, S.DELIVERED, code="partly_delivered")
    cases.mark_purged([1])  # the object that has arrived; retention leaves the other
    assert cases.requeue(case.id, cases.events(case.id)[-1].id, lambda series_uid: 3) is not None
    assert [each.id for each in cases.due_deliveries(9e9)] == [lost.id]


def test_a_set_that_was_made_is_sent_though_its_instances_are_gone(cases: AskedCases) -> None:
    case = brought_to(cases, *PATH_TO[S.ANALYSED])
    cases.add_results(case.id, [result(1)])
    case = cases.move(case.id, S.FAILED, code="why")
    assert state_when_requeued(cases, case, 3) is S.ANALYSED


def delivered(cases: AskedCases, *peers: Peer, series: str = "1.2.3", first: int = 1) -> Case:
    case = brought_to(cases, *PATH_TO[S.ANALYSED], series=series)
    cases.add_results(case.id, [result(first), result(first + 1, "picture")])
    cases.add_deliveries(case.id, peers)
    cases.move(case.id, S.REPORTED)
    for each in cases.deliveries(case.id):
        cases.delivery_done(each.id)
    return cases.move(case.id, S.DELIVERED)


def last_event(cases: AskedCases, case: Case) -> int:
    return cases.events(case.id)[-1].id


def test_what_has_arrived_is_sent_again_to_whom_it_is_asked_for(cases: AskedCases) -> None:
    case = delivered(cases, Peer("pacs"), Peer("archive"))
    assert can_be_resent(cases, case)
    again = cases.resend(case.id, last_event(cases, case), "archive")
    assert again is not None
    assert again.state is S.REPORTED
    assert {d.destination for d in cases.due_deliveries(9e9)} == {"archive"}
    assert {(d.attempts, d.sent_at, d.asked) for d in cases.due_deliveries(9e9)} == {(0, None, 0)}
    event = cases.events(case.id)[-1]
    assert (event.action, event.facts) == ("requeued", {"asked": True, "sent again to": "archive"})


def test_without_a_destination_everything_is_sent_again(cases: AskedCases) -> None:
    case = delivered(cases, Peer("pacs"), Peer("archive"))
    assert cases.resend(case.id, last_event(cases, case)) is not None
    assert len(cases.due_deliveries(9e9)) == 4


def test_a_late_report_about_the_first_time_says_nothing_of_the_second(cases: AskedCases) -> None:
    case = delivered(cases, Peer("pacs"))
    uid = cases.ask_commitment(case.id, "pacs", [], lambda number: f"2.25.{number}")
    cases.resend(case.id, last_event(cases, case))
    assert cases.asked_in(uid) == []
    for each in cases.due_deliveries(9e9):
        cases.delivery_stored(each.id, 0x0000, 9e9)
    assert cases.asked_in(uid) == []


def test_nothing_is_sent_again_that_was_removed_superseded_or_has_gone_on(cases: AskedCases) -> None:
    case = delivered(cases, Peer("pacs"))
    seen = last_event(cases, case)
    assert cases.resend(case.id, seen - 1) is None
    assert cases.resend(case.id, seen, "elsewhere") is None
    assert cases.get(case.id).state is S.DELIVERED
    cases.mark_purged([1])
    assert cases.resend(case.id, seen) is None
    old = delivered(cases, Peer("pacs"), series="1.5", first=3)
    assert can_be_resent(cases, old)
    cases.upsert_series("1.5", "1.2", 2.0, 4, "PACS")
    assert not can_be_resent(cases, cases.get(old.id))
    refused = brought_to(cases, *PATH_TO[S.REFUSED], series="1.6")
    assert not can_be_resent(cases, refused)
