"""What an enquirer asks, when, and what becomes of the answer; the source is scripted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from ctsma_node.config.peers import QuerySettings, SourceSettings
from ctsma_node.config.settings import CompletionSettings
from ctsma_node.deliver import Peer
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.query import CountAnswer, SeriesKey
from ctsma_node.query.count import Told
from ctsma_node.records import SeriesState, SourceCount
from ctsma_node.worker import enquirer
from ctsma_node.worker.enquirer import Enquirer
from ctsma_node.worker.intake import Intake
from tests.acceptance.stand_ins import Arrivals, settings_in
from tests.fixtures.ct_series import StackPlan, single_frames

SMALL = StackPlan(rows=4, columns=4)
QUERY = QuerySettings(ae_title="PACS", host="127.0.0.1", port=104, timeout_s=2.0)


class Bench:
    """An enquirer over real ledgers, a clock that a test turns, and a source that a test plays."""

    def __init__(self, folder: Path) -> None:
        self.settings = settings_in(folder)
        self.arrivals = Arrivals(self.settings)
        self.now = 1000.0
        self.cases = Cases(self.settings.ledger_path, clock=lambda: self.now)
        self.tells: int | None = 40
        self.asked: list[list[SeriesKey]] = []
        self.peers: list[Peer] = []
        self.answers = 0
        source = SourceSettings(ae_title="SCANNER", addresses=("127.0.0.1",), query=QUERY)
        self.enquirer = Enquirer(
            self.settings, source, QUERY, self.cases, self._answered, clock=lambda: self.now
        )

    def _answered(self) -> None:
        self.answers += 1

    def ask(self, peer: Peer, keys: Sequence[SeriesKey], *_: object) -> Iterator[CountAnswer]:
        self.asked.append(list(keys))
        self.peers.append(peer)
        told = Told.NO_ANSWER if self.tells is None else Told.COUNTED
        return iter([CountAnswer(key, self.tells, told) for key in keys])

    def receive(self, n: int = 40, calling_ae: str = "SCANNER") -> str:
        """A series of which `n` instances came now; its UID."""
        slices = single_frames(SMALL)[:n]
        self.arrivals.bring(slices, at=self.now, close=False)
        uid = str(slices[0].SeriesInstanceUID)
        self.cases.upsert_series(uid, str(slices[0].StudyInstanceUID), self.now, n, calling_ae)
        return uid

    def known(self, uid: str) -> SourceCount:
        count = self.cases.source_count(uid)
        assert count is not None
        return count


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(tmp_path)
    monkeypatch.setattr(enquirer, "count_instances", made.ask)
    yield made
    made.cases.close()
    made.arrivals.inbox.close()


def test_a_series_of_the_source_is_asked_for_and_the_answer_kept(bench: Bench) -> None:
    uid, _ = bench.receive(10), bench.receive(10, calling_ae="OTHER")
    assert bench.enquirer.ask_due()
    assert [[key.series_uid for key in keys] for keys in bench.asked] == [[uid]]
    assert bench.known(uid) == SourceCount(uid, 40, 1000.0, 1000.0, 0, "counted")
    assert bench.answers == 1
    assert not bench.enquirer.ask_due()
    assert (bench.peers[0].ae_title, bench.peers[0].calling_ae_title) == ("PACS", "CTSMA")
    assert bench.peers[0].connect_s == bench.peers[0].dimse_s == 2.0


def test_equal_answers_keep_the_time_of_the_first(bench: Bench) -> None:
    uid = bench.receive(40)
    for bench.now in (1000.2, 1000.8, 1001.0):
        bench.enquirer.ask_due()
    assert (bench.known(uid).since, bench.known(uid).asked_at) == (1000.2, 1000.8)  # 0.5 s apart
    bench.tells = 41
    bench.receive(40)
    bench.cases.upsert_series(uid, "1", 1002.0, 41, "SCANNER")
    bench.now = 1002.2
    bench.enquirer.ask_due()
    assert (bench.known(uid).instances, bench.known(uid).since) == (41, 1002.2)


def test_what_is_complete_is_not_asked_for(bench: Bench) -> None:
    bench.receive(40)
    case = bench.cases.in_state()[0]
    bench.cases.move(case.id, case.state.STABLE)
    assert not bench.enquirer.ask_due()


def test_a_silent_source_is_left_alone_for_longer_and_longer(bench: Bench) -> None:
    bench.tells = None
    uid = bench.receive(10)
    rounds = []
    for tick in range(100):
        bench.now = 1000.0 + tick
        if tick in (10, 50):
            bench.receive(10)  # new series are no reason to ask a dead peer at once
        if bench.enquirer.ask_due():
            rounds.append(bench.now)
    assert [later - earlier for earlier, later in pairwise(rounds)] == [1, 2, 4, 8, 16, 32]
    assert bench.known(uid).instances is None
    bench.tells = 40
    bench.now = rounds[-1] + 100
    bench.enquirer.ask_due()
    assert bench.known(uid).failures == 0


@pytest.mark.parametrize("gap", [0.05, 0.4, 1.0, 4.0])
def test_a_pacs_that_forwards_while_it_receives_is_not_taken_at_its_word(bench: Bench, gap: float) -> None:
    """It counts what it has sent so far, over one open association: no slice is taken for the last one."""
    inbox = InboxReader(bench.settings.inbox_path)
    intake = Intake(inbox, bench.cases, CompletionSettings(), clock=lambda: bench.now)
    slices = single_frames(SMALL)
    arrived, tick = 0, 0
    while not [case for case in bench.cases.in_state() if case.state is not SeriesState.RECEIVING]:
        bench.now = 1000.0 + tick / 10
        while arrived < len(slices) and 1000.0 + arrived * gap <= bench.now:
            bench.arrivals.bring([slices[arrived]], at=1000.0 + arrived * gap, close=False)
            arrived += 1
        bench.tells = arrived
        intake.sweep()
        bench.enquirer.ask_due()
        tick += 1
    inbox.close()
    assert arrived == len(slices)
    waited = bench.now - (1000.0 + (len(slices) - 1) * gap)
    assert waited <= max(0.5, 3 * gap) + 0.8
    asked = len(bench.asked)
    assert asked <= 2 * (40 * gap + waited) + 2  # twice a second at most


def test_a_series_that_lies_complete_at_the_source_ends_at_once(bench: Bench) -> None:
    inbox = InboxReader(bench.settings.inbox_path)
    intake = Intake(inbox, bench.cases, CompletionSettings(), clock=lambda: bench.now)
    slices = single_frames(SMALL)
    for number, ds in enumerate(slices):
        bench.now = 1000.0 + number / 40
        bench.arrivals.bring([ds], at=bench.now, close=False)
        intake.sweep()
        bench.enquirer.ask_due()
    last = bench.now
    while not intake.sweep():
        bench.now += 0.1
        bench.enquirer.ask_due()
    inbox.close()
    (case,) = bench.cases.in_state()
    assert (case.completed_by, case.n_instances) == ("count", 40)
    assert bench.now - last < 0.4
    assert len(bench.asked) == 2
