"""Storage Commitment on real sockets: reports over the same association, another one, late or never."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage
from pynetdicom import AE
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

from ctsma_node.config import DestinationSettings
from ctsma_node.config.settings import NodeSettings
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.receive.server import Receiver
from ctsma_node.records import DeliveryState, SeriesState
from ctsma_node.worker.reports import Reports
from ctsma_node.worker.routes import schedule_of
from ctsma_node.worker.verdicts import Verdicts
from tests.fixtures.reported_case import COUNT, UIDS, ReportedCase, until
from tests.fixtures.scripted_archive import (
    ScriptedArchive,
    before_the_response,
    on_same_association,
    over_another,
    tell,
)

S, D = SeriesState, DeliveryState
HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Node:
    """Couriers, the receiver on a free port, and the worker's sweep over what it took."""

    def __init__(self, folder: Path, archive: ScriptedArchive, linger_s: float = 0.0) -> None:
        self.clock = Clock()
        destination = DestinationSettings(
            name="pacs",
            ae_title=archive.ae_title,
            host="127.0.0.1",
            port=archive.port,
            objects=("volume",),
            proof="commitment",
        )
        self.site = ReportedCase(
            folder,
            destination,
            clock=self.clock,
            node=NodeSettings(port=0),
            linger_s=linger_s,
            first_s=10,
            max_s=10,
            horizon_h=24,
        )
        self.receiver = Receiver(self.site.settings, self.clock)
        self.receiver.start()
        self.inbox = InboxReader(self.site.settings.inbox_path)
        verdicts = Verdicts(self.site.cases, schedule_of(self.site.settings), self.clock)
        self.reports = Reports(self.inbox, self.site.cases, verdicts, self.site.ending)

    def states(self) -> list[DeliveryState]:
        return self.site.states("pacs")

    def take(self, reports: int) -> None:
        """Wait for the receiver to have so many reports, and take them over."""
        until(lambda: len(self.inbox.reports_after(0)) >= reports)
        self.reports.sweep()

    def close(self) -> None:
        self.receiver.stop()
        self.inbox.close()
        self.site.cases.close()


@pytest.fixture
def archive() -> Iterator[Callable[..., ScriptedArchive]]:
    made: list[ScriptedArchive] = []

    def make(*arguments: object) -> ScriptedArchive:
        made.append(ScriptedArchive(*arguments))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    made: list[Node] = []

    def make(peer: ScriptedArchive, linger_s: float = 0.0) -> Node:
        made.append(Node(tmp_path, peer, linger_s))
        return made[-1]

    yield make
    for each in made:
        each.close()


Archives = Callable[..., ScriptedArchive]
Nodes = Callable[..., Node]


@pytest.mark.parametrize("when", [on_same_association, before_the_response])
def test_a_report_over_the_same_association(archive: Archives, node: Nodes, when: object) -> None:
    pacs = archive(when)
    n = node(pacs, linger_s=10.0)
    n.site.deliver()
    assert n.states() == [D.DELIVERED] * COUNT
    assert n.site.state() == (S.DELIVERED, None)
    until(lambda: pacs.answers == [0x0000])
    assert [sorted(uids) for _, uids in pacs.requests] == [UIDS]


@pytest.mark.parametrize("with_role", [True, False])
def test_a_report_over_an_association_of_its_own(archive: Archives, node: Nodes, with_role: bool) -> None:
    pacs = archive()
    n = node(pacs)
    pacs._report = over_another(n.receiver.port, with_role=with_role)
    n.site.deliver()
    assert n.site.state() == (S.REPORTED, None)  # stored, and not yet proven
    assert n.states() == [D.SENT] * COUNT
    n.take(1)
    assert n.site.state() == (S.DELIVERED, None)
    assert pacs.answers == [0x0000]
    assert set(pacs.stored.values()) == {1}


def test_what_is_missing_is_sent_again_and_only_that(archive: Archives, node: Nodes) -> None:
    pacs = archive(on_same_association)
    pacs.keeps = lambda uid: uid != UIDS[1] or pacs.stored[uid] > 1
    n = node(pacs, linger_s=10.0)
    n.site.deliver()
    assert n.states() == [D.DELIVERED, D.PENDING, D.DELIVERED]
    n.clock.now += 20
    n.site.deliver()
    assert n.site.state() == (S.DELIVERED, None)
    assert [pacs.stored[uid] for uid in UIDS] == [1, 2, 1]
    assert [uids for _, uids in pacs.requests] == [UIDS, [UIDS[1]]]
    assert len({transaction for transaction, _ in pacs.requests}) == 2


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (0x0110, D.SENT),
        (0x0213, D.SENT),
        (0x0131, D.SENT),
        (0x4711, D.SENT),
        (0x0112, D.PENDING),
        (0x0119, D.REJECTED),
        (0x0122, D.REJECTED),
    ],
)
def test_each_reason_has_its_consequence(
    archive: Archives, node: Nodes, reason: int, state: DeliveryState
) -> None:
    pacs = archive(on_same_association)
    pacs.reasons = {UIDS[0]: reason}
    n = node(pacs, linger_s=10.0)
    n.site.deliver()
    assert n.states() == [state, D.DELIVERED, D.DELIVERED]
    first = n.site.cases.deliveries(n.site.case)[0]
    assert f"0x{reason:04X}" in str(first.text)
    assert n.site.state()[0] is (S.DELIVERED if state is D.REJECTED else S.REPORTED)


def test_a_report_that_never_comes_is_asked_for_until_the_horizon(archive: Archives, node: Nodes) -> None:
    pacs = archive()
    n = node(pacs)
    n.site.deliver()
    n.site.deliver()
    assert len(pacs.requests) == 1  # the report has its time
    n.clock.now += 601
    n.site.deliver()
    assert len({transaction for transaction, _ in pacs.requests}) == 2
    n.clock.now += 25 * HOUR
    n.site.deliver()
    assert n.states() == [D.FAILED] * COUNT
    assert "never proven" in str(n.site.cases.deliveries(n.site.case)[0].text)
    assert set(pacs.stored.values()) == {1}


def test_a_late_report_to_the_first_request_still_counts(archive: Archives, node: Nodes) -> None:
    kept: list[Dataset] = []
    pacs = archive(lambda archive, event, report: kept.append(report))
    n = node(pacs)
    n.site.deliver()
    n.clock.now += 601
    n.site.deliver()
    assert tell(n.receiver.port, kept[0]) == 0x0000
    n.take(1)
    assert n.site.state() == (S.DELIVERED, None)


def test_a_late_report_says_nothing_of_what_was_sent_again(archive: Archives, node: Nodes) -> None:
    kept: list[Dataset] = []
    pacs = archive(lambda archive, event, report: kept.append(report))
    n = node(pacs)
    n.site.deliver()
    pacs.held.clear()  # the archive loses all of it, and says so when it is asked again
    n.clock.now += 601
    n.site.deliver()
    assert tell(n.receiver.port, kept[1]) == 0x0000
    n.take(1)
    assert n.states() == [D.PENDING] * COUNT
    n.clock.now += 20
    n.site.deliver()
    assert n.states() == [D.SENT] * COUNT
    assert tell(n.receiver.port, kept[0]) == 0x0000  # "committed", said before the loss
    n.take(2)
    assert n.states() == [D.SENT] * COUNT


def test_a_peer_that_refuses_the_request_is_asked_again(archive: Archives, node: Nodes) -> None:
    pacs = archive(on_same_association)
    pacs.action_status = 0x0110
    n = node(pacs, linger_s=10.0)
    n.site.deliver()
    assert n.states() == [D.SENT] * COUNT
    assert "N-ACTION answered with 0x0110" in str(n.site.cases.deliveries(n.site.case)[0].text)
    pacs.action_status = 0x0000
    n.clock.now += 20
    n.site.deliver()
    assert n.site.state() == (S.DELIVERED, None)


def test_a_peer_that_knows_no_commitment_is_never_taken_for_one_that_committed(
    archive: Archives, node: Nodes
) -> None:
    n = node(archive(None, False))
    n.site.deliver()
    assert n.states() == [D.SENT] * COUNT
    assert "none of the proposed presentation contexts" in str(n.site.cases.deliveries(n.site.case)[0].text)


def _nameless(report: Dataset) -> None:
    del report.TransactionUID


def _of_nothing(report: Dataset) -> None:
    del report.ReferencedSOPSequence


def _of_another(report: Dataset) -> None:
    report.TransactionUID = "2.25.4711"


def _bad_instance(report: Dataset) -> None:
    report.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "../../etc/passwd"


@pytest.mark.parametrize(
    ("change", "answer"),
    [(_nameless, 0x0115), (_bad_instance, 0x0115), (_of_nothing, 0x0000), (_of_another, 0x0000)],
)
def test_a_report_that_proves_nothing_changes_nothing(
    archive: Archives, node: Nodes, change: Callable[[Dataset], None], answer: int
) -> None:
    pacs = archive()
    n = node(pacs)
    pacs._report = over_another(n.receiver.port, change=change)
    n.site.deliver()
    until(lambda: pacs.answers == [answer])
    n.reports.sweep()
    assert n.states() == [D.SENT] * COUNT


def test_a_stranger_cannot_report_and_the_destination_cannot_store(archive: Archives, node: Nodes) -> None:
    kept: list[Dataset] = []
    pacs = archive(lambda archive, event, report: kept.append(report))
    n = node(pacs)
    n.site.deliver()
    assert tell(n.receiver.port, kept[0], calling="STRANGER") is None
    assert _accepted_contexts(n.receiver.port) == {"1.2.840.10008.1.1", "1.2.840.10008.1.20.1"}
    assert n.inbox.reports_after(0) == []


def _accepted_contexts(port: int) -> set[str]:
    ae = AE(ae_title="PACS")
    for each in (CTImageStorage, Verification, StorageCommitmentPushModel):
        ae.add_requested_context(each)
    assoc = ae.associate("127.0.0.1", port, ae_title="CTSMA")
    try:
        return {str(each.abstract_syntax) for each in assoc.accepted_contexts}
    finally:
        assoc.release()
