"""Results have room that instances leave free, take no more than it, and wait where it is taken."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ctsma_node.config import DestinationSettings, Settings
from ctsma_node.config.settings import LimitSettings
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.notices import Way
from ctsma_node.quota import Quota
from ctsma_node.records import DeliveryState, SeriesState
from ctsma_node.web.health import Level, Part, judge
from ctsma_node.web.observe import Observer
from ctsma_node.worker.loop import Worker
from ctsma_node.worker.notices import Notices
from tests.acceptance.stand_ins import Arrivals, FakeAnalyser, settings_in
from tests.fixtures.ct_series import StackPlan, single_frames

S = SeriesState
PACS = DestinationSettings(name="pacs", ae_title="PACS", host="127.0.0.1", port=9, objects=("picture",))


class Clock:
    now = 2000.0

    def __call__(self) -> float:
        return self.now


class Node:
    """A worker without its threads; the quota is what a test says."""

    def __init__(self, folder: Path, quota: int) -> None:
        self.settings = _with_quota(settings_in(folder, PACS), quota)
        self.arrivals = Arrivals(self.settings)
        self.analyser = FakeAnalyser()
        self.clock = Clock()
        self.worker = Worker(self.settings, self.analyser, self.clock)
        self.cases = self.worker._cases

    def bring(self, series: str) -> None:
        slices = single_frames(StackPlan(rows=8, columns=8))
        for number, ds in enumerate(slices):
            ds.SeriesInstanceUID, ds.SOPInstanceUID = series, f"{series}.{number}"
        self.arrivals.bring(slices, at=self.clock.now)
        self.clock.now += 60
        self.worker.sweep()
        self.worker.sweep()

    def work(self) -> list[SeriesState]:
        for _ in range(20):
            if not self.worker.work_once():
                break
        return [case.state for case in self.cases.in_state()]

    def deliver(self, case_id: int) -> None:
        for row in self.cases.deliveries(case_id):
            self.cases.delivery_done(row.id)
        self.worker._ending.settle(case_id)

    def set_size(self) -> int:
        return self.cases.largest_set()

    def close(self) -> None:
        self.worker.close()
        self.arrivals.inbox.close()


def _with_quota(settings: Settings, quota: int) -> Settings:
    limits = LimitSettings(min_free_bytes=0, outbox_quota_bytes=quota)
    return settings.model_copy(update={"limits": limits})


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path, 1 << 40)
    yield made
    made.close()


def limit(node: Node, quota: int) -> None:
    node.worker._outbox_room._quota.limit = quota


def test_a_set_that_does_not_fit_waits_and_nothing_is_lost(node: Node) -> None:
    node.bring("1.2.1")
    limit(node, 1000)
    assert node.work() == [S.ANALYSED]
    case = node.cases.in_state()[0]
    assert (case.code, case.attempts, case.running) == ("no_room", 0, False)
    assert "outbox_quota_bytes" in str(case.reason)
    assert list(node.settings.outbox_dir.iterdir()) == []
    for _ in range(5):  # more often than a step may be tried
        assert node.work() == [S.ANALYSED]
    limit(node, 1 << 30)
    assert node.work() == [S.REPORTED]
    assert node.analyser.analysed == 1


def test_no_further_series_is_analysed_while_there_is_no_room(node: Node) -> None:
    node.bring("1.2.1")
    assert node.work() == [S.REPORTED]
    limit(node, node.set_size() + 100)
    node.bring("1.2.2")
    assert node.work() == [S.REPORTED, S.ACCEPTED]  # the gate may still refuse
    assert node.analyser.analysed == 1


def test_what_is_proven_makes_room_and_nothing_else(node: Node) -> None:
    node.bring("1.2.1")
    node.work()
    first = node.cases.in_state()[0].id
    limit(node, node.set_size() + 100)
    node.bring("1.2.2")
    node.work()
    assert (node.settings.outbox_dir / str(first)).exists()
    node.deliver(first)
    assert node.work() == [S.DELIVERED, S.REPORTED]
    assert not (node.settings.outbox_dir / str(first)).exists()
    assert len(node.cases.results(first)) == 1  # the ledger keeps its rows
    assert [row.state for row in node.cases.deliveries(first)] == [DeliveryState.DELIVERED]


def test_whoever_watches_hears_of_a_full_outbox_and_that_it_has_room_again(node: Node) -> None:
    observer = Observer(node.settings, node.clock)

    def found() -> list[tuple[str, Level]]:
        node.worker._beat()
        findings = judge(observer.look(), node.settings).findings
        return [(each.code, each.level) for each in findings if each.part is Part.ANALYSE]

    node.bring("1.2.1")
    node.work()
    limit(node, node.set_size() + 100)
    assert found() == []
    node.bring("1.2.2")
    node.work()
    assert found() == [("outbox_full", Level.DOWN)]
    told = node.worker._outbox_room.troubles
    notices = Notices(node.settings, node.cases, node.worker._inbox, Way.WEBHOOK, node.clock, troubles=told)
    digests = [notices._digest(0.0, node.clock.now) for _ in range(2)]
    assert [each.outbox_full for each in digests] == [True, True]
    assert "nothing is analysed" in digests[0].text
    assert digests[0].subject.endswith("outbox full")
    node.deliver(node.cases.in_state()[0].id)
    node.work()
    assert found() == []


def test_what_is_never_taken_or_let_go_of_makes_room_too(node: Node) -> None:
    """Else an archive that does not take one kind ends all analysis, sooner or later."""
    for series in ("1.2.1", "1.2.2"):
        node.bring(series)
        node.work()
    refused, cancelled = (case.id for case in node.cases.in_state())
    for row in node.cases.deliveries(refused):
        node.cases.delivery_rejected(row.id, 0x0122, "SOP class not supported")
    node.cases.move(refused, S.DELIVERED, code="partly_delivered", reason="in part")
    node.cases.cancel(cancelled)
    limit(node, 2 * node.set_size() + 100)
    for number, series in enumerate(("1.2.3", "1.2.4")):
        node.bring(series)
        node.work()
        there = sorted(int(path.name) for path in node.settings.outbox_dir.iterdir())
        assert there == [[cancelled, cancelled + 1], [cancelled + 1, cancelled + 2]][number]


def test_what_is_proven_makes_room_however_the_clock_is_set(node: Node) -> None:
    node.bring("1.2.1")
    node.work()
    limit(node, node.set_size() + 100)
    node.bring("1.2.2")
    node.work()
    node.deliver(node.cases.in_state()[0].id)
    node.clock.now -= 1000
    node.worker.sweep()
    assert node.work() == [S.DELIVERED, S.REPORTED]


def test_what_is_not_delivered_stays_whatever_became_of_its_case(node: Node) -> None:
    node.bring("1.2.1")
    node.work()
    first = node.cases.in_state()[0].id
    node.cases.move(first, S.DELIVERED, code="partly_delivered", reason="One object was refused.")
    limit(node, node.set_size() + 100)
    node.bring("1.2.2")
    assert node.work() == [S.DELIVERED, S.ACCEPTED]
    assert (node.settings.outbox_dir / str(first)).exists()


def test_instances_leave_free_what_results_may_take(tmp_path: Path) -> None:
    quota = Quota(tmp_path / "outbox", 1000, clock=Clock())
    assert quota.reserved() == 1000
    (tmp_path / "outbox" / "1").mkdir(parents=True)
    (tmp_path / "outbox" / "1" / "a.dcm").write_bytes(b"a" * 300)
    assert quota.reserved() == 1000  # as counted a moment ago
    quota.count_again()
    assert quota.reserved() == 700
    assert (quota.fits(700), quota.fits(701)) == (True, False)
    (tmp_path / "outbox" / "1" / "b.dcm").write_bytes(b"b" * 3000)
    quota.count_again()
    assert quota.reserved() == 0
    assert (Quota(tmp_path / "outbox", 0).reserved(), Quota(tmp_path / "outbox", 0).fits(1 << 50)) == (
        0,
        True,
    )


def test_the_inbox_is_not_touched_by_a_full_outbox(node: Node) -> None:
    limit(node, 1)
    node.bring("1.2.1")
    reader = InboxReader(node.settings.inbox_path)
    assert len(reader.instances("1.2.1")) == len(single_frames(StackPlan(rows=8, columns=8)))
    reader.close()


def test_a_file_that_goes_while_they_are_counted_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker gives sets their names while the receiver counts: no instance may be refused for that."""
    for name in ("1.part", "2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.dcm").write_bytes(b"12345")

    @contextmanager
    def scandir(folder: Path | str) -> Iterator[list[os.DirEntry[str]]]:
        with os.scandir(folder) as found:
            entries = list(found)
        if str(folder).endswith("1.part"):
            Path(folder).rename(tmp_path / "1")
        yield entries

    monkeypatch.setattr("ctsma_node.quota.scandir", scandir)
    assert Quota(tmp_path, 100).used() == 5
