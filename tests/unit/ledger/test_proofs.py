"""Deliveries between sent and proven, requests for commitment, pauses, and rows of the first version."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from ctsma_node.ledger.cases import Cases
from ctsma_node.records import Delivery, DeliveryState, ResultObject, SeriesState

S, D = SeriesState, DeliveryState


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Pacs:
    name = "pacs"
    objects = ("report",)


class Ledger:
    """A reported case of two objects, due at the PACS."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.cases = Cases(path, clock=self.clock)
        self.case = self.cases.upsert_series("1.2.3", "1.2", 1.0, 3, "SCANNER").id
        for state in (S.STABLE, S.ACCEPTED, S.ANALYSED):
            self.cases.move(self.case, state)
        names = [("2.25.1", "a/1.dcm"), ("2.25.2", "a/2.dcm")]
        objects = [
            ResultObject(uid, "1.2", "2.25.9", "report", "L", path, 9, "0" * 64) for uid, path in names
        ]
        self.cases.add_results(self.case, objects)
        self.cases.add_deliveries(self.case, [Pacs()])
        self.cases.move(self.case, S.REPORTED)

    @property
    def rows(self) -> list[Delivery]:
        return self.cases.deliveries(self.case)

    def store_all(self) -> None:
        for row in self.rows:
            self.cases.delivery_stored(row.id, 0x0000, self.clock.now)

    def ask(self, number: int) -> str:
        ids = [row.id for row in self.rows]
        return self.cases.ask_commitment(self.case, "pacs", ids, lambda n: f"2.25.{number}00{n}")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "ledger.sqlite3")
    yield made
    made.cases.close()


def test_what_was_sent_waits_for_its_proof(ledger: Ledger) -> None:
    ledger.store_all()
    first, second = ledger.rows
    assert (first.state, first.sent_at, first.attempts, first.asked) == (D.SENT, 100.0, 1, 0)
    assert (ledger.cases.due_deliveries(1e9), len(ledger.cases.due_proofs(100.0))) == ([], 2)
    assert ledger.cases.proof_later(first.id, 200.0, "not found", 1)
    assert ledger.cases.proven(second.id, "found")
    first, second = ledger.rows
    assert (first.state, first.asked, first.due_at) == (D.SENT, 1, 200.0)
    assert (second.state, second.due_at) == (D.DELIVERED, None)


def test_what_is_missing_is_due_again_and_its_questions_start_anew(ledger: Ledger) -> None:
    ledger.store_all()
    row = ledger.rows[0]
    ledger.cases.proof_missing(row.id, 300.0, "not there")
    assert [each.id for each in ledger.cases.due_deliveries(300.0)] == [row.id]
    ledger.cases.delivery_stored(row.id, 0, 301.0)
    assert (ledger.rows[0].attempts, ledger.rows[0].asked) == (2, 0)


def test_a_proof_changes_nothing_that_is_not_sent(ledger: Ledger) -> None:
    row = ledger.rows[0]
    assert not ledger.cases.proven(row.id, "by mistake")
    assert [each.state for each in ledger.rows] == [D.PENDING, D.PENDING]
    ledger.store_all()
    assert ledger.cases.proven(row.id, "found")
    assert not ledger.cases.proof_missing(row.id, 300.0, "a second answer")
    assert [each.state for each in ledger.rows] == [D.DELIVERED, D.SENT]


def test_a_request_is_known_before_it_is_sent_and_numbered(ledger: Ledger) -> None:
    ledger.store_all()
    assert [ledger.ask(7), ledger.ask(7)] == ["2.25.7001", "2.25.7002"]
    assert [row.asked for row in ledger.cases.asked_in("2.25.7001")] == [2, 2]
    assert ledger.cases.asked_in("2.25.1") == []
    assert len(ledger.cases.due_proofs(100.0)) == 2  # a worker that dies before it is sent asks again
    ledger.cases.proof_later(ledger.rows[0].id, 300.0, "not committed", 2)  # its report came at once
    ledger.cases.await_report("2.25.7002", 900.0, "requested")
    assert [(row.due_at, row.text) for row in ledger.rows] == [(300.0, "not committed"), (900.0, "requested")]


def test_a_request_says_nothing_of_what_was_sent_after_it(ledger: Ledger) -> None:
    ledger.store_all()
    uid = ledger.ask(7)
    row = ledger.rows[0]
    ledger.cases.proof_missing(row.id, 100.0, "gone")
    ledger.clock.now = 110.0
    ledger.cases.delivery_stored(row.id, 0, 110.0)
    assert [each.sop_instance_uid for each in ledger.cases.asked_in(uid)] == ["2.25.2"]


def test_a_pause_holds_everything_up_and_stops_the_horizon(ledger: Ledger) -> None:
    first, second = ledger.rows
    ledger.cases.delivery_stored(first.id, 0, 100.0)
    ledger.cases.delivery_retry(second.id, 5000.0, 0xA700, "full")
    ledger.clock.now = 150.0
    for _ in range(2):
        ledger.cases.pause("pacs")
    assert ledger.cases.paused() == {"pacs": 150.0}
    assert (ledger.cases.due_deliveries(1e9), ledger.cases.due_proofs(1e9)) == ([], [])
    assert ledger.cases.destinations()[0].paused_since == 150.0
    ledger.clock.now = 1150.0
    for _ in range(2):
        ledger.cases.resume("pacs")
    assert ledger.cases.paused() == {}
    assert [row.horizon_from for row in ledger.rows] == [1100.0, 1100.0]
    assert [row.id for row in ledger.cases.due_deliveries(1150.0)] == [
        second.id
    ]  # at once, not after its delay
    assert [row.id for row in ledger.cases.due_proofs(1150.0)] == [first.id]


def test_destinations_are_counted_with_their_last_answer(ledger: Ledger) -> None:
    first, second = ledger.rows
    assert ledger.cases.destinations()[0].answered_at is None
    ledger.cases.delivery_stored(first.id, 0, 100.0)
    ledger.clock.now = 120.0
    ledger.cases.delivery_retry(second.id, 5000.0, 0xA700, "full")
    (counts,) = ledger.cases.destinations()
    assert (counts.name, counts.pending, counts.sent, counts.delivered) == ("pacs", 1, 1, 0)
    assert (counts.answered_at, counts.status, counts.text) == (120.0, 0xA700, "full")


def test_taken_never_goes_back(ledger: Ledger) -> None:
    for rowid in (3, 2):
        ledger.cases.take("report", rowid)
    assert ledger.cases.taken("report") == 3


def test_deliveries_of_before_there_were_proofs_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite3"
    script = resources.files("ctsma_node.ledger").joinpath("cases.sql").read_text(encoding="utf-8")
    uid, digest = "2.25.1", "0" * 64
    with closing(sqlite3.connect(path)) as old:
        old.executescript(
            f"""{script}
            INSERT INTO series VALUES ('1.2.3', '1.2', 'PACS');
            INSERT INTO revision (series_uid, number, state, created_at, updated_at, last_instance_at,
                n_instances) VALUES ('1.2.3', 1, 'reported', 1, 1, 1, 3);
            INSERT INTO result VALUES (1, 1, '{uid}', '1.2', '2.25.9', 'report', 'L', 'a/1.dcm', 9,
                '{digest}', '1.2.840.10008.1.2.1');
            INSERT INTO delivery (result_id, destination, state, attempts, created_at, updated_at, due_at,
                status, text) VALUES (1, 'done', 'delivered', 1, 5, 6, NULL, 0, NULL),
                                     (1, 'pacs', 'pending', 2, 5, 6, 7.0, 42752, 'out of resources');
            PRAGMA user_version = 1;"""
        )
    with closing(Cases(path)) as cases:
        done, waiting = cases.deliveries(1)
        assert (done.state, waiting.state) == (D.DELIVERED, D.PENDING)
        assert (waiting.attempts, waiting.due_at, waiting.status) == (2, 7.0, 0xA700)
        assert (waiting.study_uid, waiting.series_uid, waiting.held_s) == ("1.2", "2.25.9", 0.0)
        cases.delivery_stored(waiting.id, 0, 8.0)
        assert [row.id for row in cases.due_proofs(9.0)] == [waiting.id]
