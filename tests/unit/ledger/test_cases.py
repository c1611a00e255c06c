"""The worker's ledger: allowed moves, revisions, claims, history, results and deliveries."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctsma_node.ledger.cases import AttemptsExhausted, Cases, CasesReader
from ctsma_node.ledger.sqlite import LedgerError
from ctsma_node.records import END_STATES, TRANSITIONS, Case, DeliveryState, ResultObject, SeriesState

S = SeriesState
PATH_TO: dict[SeriesState, tuple[SeriesState, ...]] = {
    S.RECEIVING: (),
    S.STABLE: (S.STABLE,),
    S.ACCEPTED: (S.STABLE, S.ACCEPTED),
    S.ANALYSED: (S.STABLE, S.ACCEPTED, S.ANALYSED),
    S.REPORTED: (S.STABLE, S.ACCEPTED, S.ANALYSED, S.REPORTED),
    S.DELIVERED: (S.STABLE, S.ACCEPTED, S.ANALYSED, S.REPORTED, S.DELIVERED),
    S.REFUSED: (S.STABLE, S.REFUSED),
    S.FAILED: (S.STABLE, S.FAILED),
}


@dataclass(frozen=True)
class Peer:
    name: str
    objects: tuple[str, ...] = ("report", "picture")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def cases(path: Path) -> Iterator[Cases]:
    ticks = itertools.count(100)
    ledger = Cases(path, max_attempts=3, clock=lambda: float(next(ticks)))
    yield ledger
    ledger.close()


def brought_to(cases: Cases, state: SeriesState, series: str = "1.2.3") -> Case:
    case = cases.upsert_series(series, "1.2", 1.0, 3, "PACS")
    for step in PATH_TO[state]:
        case = cases.move(case.id, step, code="why" if step in (S.REFUSED, S.FAILED) else None)
    return case


def result(number: int, kind: str = "report") -> ResultObject:
    uid = f"2.25.{number}"
    return ResultObject(
        uid, "1.2.840.10008.5.1.4.1.1.88.34", "2.25.9", kind, "L", f"a/{number}.dcm", 9, "0" * 64
    )


def test_the_database_holds_the_same_moves_as_the_records(cases: Cases, path: Path) -> None:
    rows = sqlite3.connect(path).execute("SELECT from_state, to_state FROM transition").fetchall()
    assert set(rows) == {(a.value, b.value) for a, following in TRANSITIONS.items() for b in following}
    assert {S.DELIVERED, S.REFUSED, S.FAILED} == END_STATES


@pytest.mark.parametrize("start", list(S))
def test_only_listed_moves_happen(cases: Cases, start: SeriesState) -> None:
    for number, to in enumerate(S):
        case = brought_to(cases, start, series=f"1.2.{number}")
        if to in TRANSITIONS[start]:
            assert cases.move(case.id, to, code="why").state is to
            continue
        with pytest.raises(LedgerError, match=f"cannot move from {start} to {to}. Its history: opened"):
            cases.move(case.id, to, code="why")
        assert cases.get(case.id).state is start


def test_the_database_refuses_a_move_behind_the_codes_back(cases: Cases, path: Path) -> None:
    brought_to(cases, S.STABLE)
    cases.close()
    other = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="no such move"):
        other.execute("UPDATE revision SET state = 'delivered'")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        other.execute("DELETE FROM event")
    other.close()
    Cases(path).close()


def test_a_refusal_has_a_code(cases: Cases) -> None:
    case = brought_to(cases, S.STABLE)
    with pytest.raises(sqlite3.IntegrityError):
        cases.move(case.id, S.REFUSED)
    assert cases.get(case.id).state is S.STABLE
    assert cases.events(case.id)[-1].to_state is S.STABLE


def test_receiving_follows_the_news(cases: Cases) -> None:
    first = cases.upsert_series("1.2.3", "1.2", 1.0, 3, "PACS")
    second = cases.upsert_series("1.2.3", "1.2", 5.0, 7, "PACS")
    assert (second.id, second.revision, second.predecessor) == (first.id, 1, None)
    assert (second.n_instances, second.last_instance_at) == (7, 5.0)


@pytest.mark.parametrize("state", [state for state in S if state is not S.RECEIVING])
def test_a_late_instance_opens_a_revision(cases: Cases, state: SeriesState) -> None:
    case = brought_to(cases, state)
    same = cases.upsert_series("1.2.3", "1.2", 1.0, 3, "PACS")
    assert same == cases.get(case.id)
    late = cases.upsert_series("1.2.3", "1.2", 2.0, 4, "PACS")
    assert (late.revision, late.predecessor, late.state) == (2, case.id, S.RECEIVING)
    assert (cases.get(case.id).n_instances, late.n_instances) == (3, 4)
    assert [each.revision for each in cases.by_series("1.2.3")] == [1, 2]


def test_an_attempt_is_counted_before_the_work(cases: Cases) -> None:
    case = brought_to(cases, S.STABLE)
    for attempt in (1, 2, 3):
        claimed = cases.claim(case.id)
        assert (claimed.attempts, claimed.running) == (attempt, True)
        with pytest.raises(LedgerError, match="cannot be claimed"):
            cases.claim(case.id)
        assert cases.requeue_running() == 1
    with pytest.raises(AttemptsExhausted):
        cases.claim(case.id)
    assert cases.move(case.id, S.FAILED, code="attempts_exhausted").state is S.FAILED


def test_a_move_starts_the_count_again(cases: Cases) -> None:
    case = brought_to(cases, S.STABLE)
    cases.claim(case.id)
    moved = cases.move(case.id, S.ACCEPTED)
    assert (moved.attempts, moved.running, moved.due_at) == (0, False, None)


def test_a_released_case_is_due_again(cases: Cases) -> None:
    case = brought_to(cases, S.STABLE)
    with pytest.raises(LedgerError, match="not running"):
        cases.release(case.id, 50.0, "io", "The disk.")
    cases.claim(case.id)
    released = cases.release(case.id, 50.0, "io", "The disk.")
    assert (released.running, released.attempts, released.code) == (False, 1, "io")
    assert (cases.due(49.0), [each.id for each in cases.due(50.0)]) == ([], [case.id])
    assert cases.claim(case.id).due_at is None


@pytest.mark.parametrize("state", [S.RECEIVING, *sorted(END_STATES)])
def test_what_has_no_step_cannot_be_claimed(cases: Cases, state: SeriesState) -> None:
    with pytest.raises(LedgerError, match="cannot be claimed"):
        cases.claim(brought_to(cases, state).id)


def test_timers_outlive_the_process(cases: Cases, path: Path) -> None:
    case = brought_to(cases, S.RECEIVING)
    cases.set_timer(case.id, 30.0)
    cases.advance_cursor(7)
    cases.advance_cursor(5)
    cases.close()
    again = Cases(path)
    assert [each.id for each in again.due(30.0)] == [case.id]
    assert again.cursor() == 7
    again.close()


def test_history_tells_every_step(cases: Cases) -> None:
    case = brought_to(cases, S.STABLE)
    cases.claim(case.id)
    cases.move(case.id, S.ACCEPTED, instances_digest="a" * 64, seconds=0.5)
    actions = [(event.action, event.to_state) for event in cases.events(case.id)]
    assert actions == [
        ("opened", S.RECEIVING),
        ("moved", S.STABLE),
        ("claimed", S.STABLE),
        ("moved", S.ACCEPTED),
    ]
    assert cases.events(case.id)[-1].facts == {"seconds": 0.5}
    assert cases.move(case.id, S.ANALYSED).instances_digest == "a" * 64


def test_results_and_deliveries_are_made_once(cases: Cases) -> None:
    case = brought_to(cases, S.ANALYSED)
    made = [result(1, "volume"), result(2), result(3, "picture")]
    peers = [Peer("pacs"), Peer("archive", ("volume",))]
    for _ in range(2):
        cases.add_results(case.id, made)
        cases.add_deliveries(case.id, peers)
    assert cases.results(case.id) == made
    assert [(d.destination, d.kind) for d in cases.deliveries(case.id)] == [
        ("pacs", "report"),
        ("pacs", "picture"),
        ("archive", "volume"),
    ]


def test_a_result_is_never_replaced_by_other_bytes(cases: Cases) -> None:
    case = brought_to(cases, S.ANALYSED)
    cases.add_results(case.id, [result(1)])
    other = ResultObject("2.25.1", "1.2", "2.25.9", "report", "L", "a/1.dcm", 9, "f" * 64)
    with pytest.raises(LedgerError, match="other bytes"):
        cases.add_results(case.id, [other])


def test_deliveries_end_for_good(cases: Cases) -> None:
    case = brought_to(cases, S.ANALYSED)
    cases.add_results(case.id, [result(n) for n in range(1, 5)])
    cases.add_deliveries(case.id, [Peer("pacs")])
    retried, sent, rejected, failed = cases.due_deliveries(1e9)
    cases.delivery_retry(retried.id, 5e9, None, "No route.")
    cases.delivery_done(sent.id, 0xB000)
    cases.delivery_rejected(rejected.id, 0xA900, "No.")
    cases.delivery_failed(failed.id, None, "A week has passed.")
    states = [(d.state, d.attempts, d.status) for d in cases.deliveries(case.id)]
    assert states == [
        (DeliveryState.PENDING, 1, None),
        (DeliveryState.DELIVERED, 1, 0xB000),
        (DeliveryState.REJECTED, 1, 0xA900),
        (DeliveryState.FAILED, 1, None),
    ]
    assert (cases.due_deliveries(1e9), [d.id for d in cases.due_deliveries(5e9)]) == ([], [retried.id])
    assert not cases.delivery_retry(sent.id, 6e9, None, "again")
    assert cases.deliveries(case.id)[1].state is DeliveryState.DELIVERED


def test_only_what_may_be_repeated_does_not_wait_for_the_disk(cases: Cases) -> None:
    def synchronous() -> int:
        return int(cases._writer.rows("PRAGMA synchronous")[0][0])

    normal, full = 1, 2
    case = brought_to(cases, S.ANALYSED)
    cases.add_results(case.id, [result(1)])
    cases.add_deliveries(case.id, [Peer("pacs")])
    cases.move(case.id, S.REPORTED)
    assert synchronous() == full
    cases.delivery_done(cases.due_deliveries(1e9)[0].id)
    assert synchronous() == normal
    cases.move(case.id, S.DELIVERED)
    assert synchronous() == full


def test_a_second_writer_is_kept_out(cases: Cases, path: Path) -> None:
    with pytest.raises(LedgerError, match="Another process writes"):
        Cases(path)


def test_a_reader_sees_what_the_writer_commits(cases: Cases, path: Path) -> None:
    reader = CasesReader(path)
    assert (reader.in_state(), reader.cursor()) == ([], 0)
    case = brought_to(cases, S.STABLE)
    assert reader.in_state(S.STABLE) == [cases.get(case.id)]
    reader.close()


def test_a_reader_is_empty_before_there_is_a_file(tmp_path: Path) -> None:
    reader = CasesReader(tmp_path / "none.sqlite3")
    assert (reader.in_state(), reader.cursor(), list(tmp_path.iterdir())) == ([], 0, [])


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=12))
def test_any_news_in_any_order_keeps_one_open_revision(
    tmp_path_factory: pytest.TempPathFactory, news: list[tuple[int, bool]]
) -> None:
    cases = Cases(tmp_path_factory.mktemp("ledger") / "ledger.sqlite3")
    total = 0
    for at, (more, settle) in enumerate(news):
        total += more
        case = cases.upsert_series("1.2", "1", float(at), total, "A")
        assert (case.state, case.n_instances) == (S.RECEIVING, total)
        if settle:
            cases.move(case.id, S.STABLE)
    revisions = cases.by_series("1.2")
    assert [each.revision for each in revisions] == list(range(1, len(revisions) + 1))
    assert [each.predecessor for each in revisions][1:] == [each.id for each in revisions][:-1]
    assert sum(each.state is S.RECEIVING for each in revisions) <= 1
    cases.close()
