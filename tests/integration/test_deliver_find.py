"""C-FIND as the proof: what is not found is sent again, and what was not said is not taken as an answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom.events import Event

from ctsma_node.config import DestinationSettings
from ctsma_node.config.peers import ObjectKind
from ctsma_node.records import DeliveryState, SeriesState
from tests.fixtures.proving_node import Clock
from tests.fixtures.reported_case import COUNT, SERIES, STUDY, UIDS, ReportedCase
from tests.fixtures.scripted_archive import ScriptedArchive, match

S, D = SeriesState, DeliveryState
VOLUME: tuple[ObjectKind, ...] = ("volume",)


class Node(ReportedCase):
    def __init__(self, folder: Path, archive: ScriptedArchive, asked: ScriptedArchive | None = None) -> None:
        self.clock = Clock()
        destination = DestinationSettings(
            name="pacs",
            ae_title="PACS",
            host="127.0.0.1",
            port=archive.port,
            objects=VOLUME,
            proof="find",
            proof_port=None if asked is None else asked.port,
        )
        super().__init__(folder, destination, clock=self.clock, first_s=10, max_s=10, horizon_h=24, dimse_s=5)

    def later(self, seconds: float = 20.0) -> None:
        self.clock.now += seconds
        self.deliver()

    def text(self) -> str:
        return str(self.cases.deliveries(self.case)[0].text)


@pytest.fixture
def archive() -> Iterator[ScriptedArchive]:
    made = ScriptedArchive()
    yield made
    made.close()


@pytest.fixture
def node(tmp_path: Path, archive: ScriptedArchive) -> Iterator[Node]:
    made = Node(tmp_path, archive)
    yield made
    made.cases.close()


def test_what_is_found_is_delivered(archive: ScriptedArchive, node: Node) -> None:
    questions: list[Dataset] = []

    def note(peer: ScriptedArchive, event: Event) -> Iterator[tuple[int, Dataset | None]]:
        questions.append(event.identifier)
        for uid in sorted(peer.held):
            yield 0xFF01, match(uid)

    archive.find = note
    node.deliver()
    assert node.state() == (S.DELIVERED, None)
    asked = {each.keyword: each.value for each in questions[0]}
    assert asked == {
        "QueryRetrieveLevel": "IMAGE",
        "SOPInstanceUID": "",
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SERIES,
    }
    assert len(questions) == 1


def test_a_peer_that_stored_by_its_word_alone_is_found_out(archive: ScriptedArchive, node: Node) -> None:
    archive.keeps = lambda uid: uid != UIDS[2] or archive.stored[uid] > 1
    node.deliver()
    assert node.states("pacs") == [D.DELIVERED, D.DELIVERED, D.SENT]
    node.later()
    assert node.states("pacs") == [D.DELIVERED, D.DELIVERED, D.PENDING]
    node.later()
    assert node.state() == (S.DELIVERED, None)
    assert [archive.stored[uid] for uid in UIDS] == [1, 1, 2]


def test_an_archive_that_indexes_a_moment_later_is_sent_nothing_twice(
    archive: ScriptedArchive, node: Node
) -> None:
    archive.keeps = lambda uid: False
    node.deliver()
    assert node.states("pacs") == [D.SENT] * COUNT
    archive.held = set(UIDS)
    node.later()
    assert node.state() == (S.DELIVERED, None)
    assert set(archive.stored.values()) == {1}


def test_one_that_loses_it_each_time_ends_at_the_horizon(archive: ScriptedArchive, node: Node) -> None:
    archive.keeps = lambda uid: False
    for _ in range(7):
        node.later()
    assert archive.stored[UIDS[0]] == 4
    node.later(25 * 3600)
    node.later()
    assert node.state()[0] is S.FAILED
    assert "never proven" in node.text()


def _refuses(_: ScriptedArchive, __: Event) -> Iterator[tuple[int, Dataset | None]]:
    yield 0xA700, None


def _breaks_off(peer: ScriptedArchive, event: Event) -> Iterator[tuple[int, Dataset | None]]:
    yield 0xFF00, match(UIDS[0])
    event.assoc.abort()


def _fails_half_way(peer: ScriptedArchive, _: Event) -> Iterator[tuple[int, Dataset | None]]:
    yield 0xFF00, match(UIDS[0])
    yield 0xC001, None


def _never_ends(peer: ScriptedArchive, _: Event) -> Iterator[tuple[int, Dataset | None]]:
    while True:
        yield 0xFF00, match("1.2.3.4")


@pytest.mark.parametrize("find", [_refuses, _breaks_off, _fails_half_way, _never_ends])
def test_an_answer_that_is_none_proves_nothing_and_loses_nothing(
    archive: ScriptedArchive, node: Node, find: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctsma_node.deliver.c_find.MOST_RESPONSES", 50)
    archive.find = find  # type: ignore[assignment]
    node.deliver()
    assert node.states("pacs") == [D.SENT] * COUNT
    assert "C-FIND" in node.text()
    assert set(archive.stored.values()) == {1}


def _without_uids(peer: ScriptedArchive, _: Event) -> Iterator[tuple[int, Dataset | None]]:
    nameless = match("")
    yield 0xFF00, nameless
    del nameless.SOPInstanceUID
    yield 0xFF00, nameless
    for uid in sorted(peer.held):
        yield 0xFF00, match(uid)


def test_odd_matches_among_good_ones_are_passed_over(archive: ScriptedArchive, node: Node) -> None:
    archive.find = _without_uids
    node.deliver()
    assert node.state() == (S.DELIVERED, None)


def test_the_one_who_is_asked_may_be_another(tmp_path: Path, archive: ScriptedArchive) -> None:
    index = ScriptedArchive()
    index.held = set(UIDS)
    archive.keeps = lambda uid: False
    (tmp_path / "other").mkdir()
    node = Node(tmp_path / "other", archive, index)
    try:
        node.deliver()
        assert node.state() == (S.DELIVERED, None)
    finally:
        node.cases.close()
        index.close()


def test_settings_that_ask_for_less_take_what_was_sent(archive: ScriptedArchive, node: Node) -> None:
    archive.keeps = lambda uid: False
    node.deliver()
    destination = node.settings.destinations[0].model_copy(update={"proof": "status"})
    node.couriers = [type(node.couriers[0])(node.settings, destination, node.cases, node.ending, node.clock)]
    node.later()
    assert node.state() == (S.DELIVERED, None)
