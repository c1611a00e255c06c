"""Storage Commitment on real sockets: reports over the same association, another one, late or never."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage
from pynetdicom import AE
from pynetdicom.events import Event
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

from ctsma_node.cli.doctor.finding import Verdict
from ctsma_node.cli.doctor.network import examine_proof
from ctsma_node.config import Settings
from ctsma_node.records import DeliveryState, SeriesState
from ctsma_node.worker.routes import proof_peer_of
from tests.fixtures.proving_node import ProvingNode, pacs
from tests.fixtures.reported_case import COUNT, UIDS, until
from tests.fixtures.scripted_archive import (
    Reporting,
    ScriptedArchive,
    before_the_response,
    on_same_association,
    over_another,
    tell,
)

S, D = SeriesState, DeliveryState
HOUR = 3600.0


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
def node(tmp_path: Path) -> Iterator[Callable[..., ProvingNode]]:
    made: list[ProvingNode] = []

    def make(peer: ScriptedArchive, linger_s: float = 0.0) -> ProvingNode:
        destination = pacs(peer.ae_title, peer.port, "commitment")
        made.append(ProvingNode(tmp_path, destination, linger_s=linger_s, first_s=10, max_s=10, horizon_h=24))
        return made[-1]

    yield make
    for each in made:
        each.close()


Archives = Callable[..., ScriptedArchive]
Nodes = Callable[..., ProvingNode]


@pytest.mark.parametrize("when", [on_same_association, before_the_response])
def test_a_report_over_the_same_association(archive: Archives, node: Nodes, when: object) -> None:
    peer = archive(when)
    n = node(peer, linger_s=10.0)
    n.site.deliver()
    assert n.states() == [D.DELIVERED] * COUNT
    assert n.site.state() == (S.DELIVERED, None)
    until(lambda: peer.answers == [0x0000])
    assert [sorted(uids) for _, uids in peer.requests] == [UIDS]


@pytest.mark.parametrize("with_role", [True, False])
def test_a_report_over_an_association_of_its_own(archive: Archives, node: Nodes, with_role: bool) -> None:
    peer = archive()
    n = node(peer)
    peer._report = over_another(n.receiver.port, with_role=with_role)
    n.site.deliver()
    assert n.site.state() == (S.REPORTED, None)  # stored, and not yet proven
    assert n.states() == [D.SENT] * COUNT
    n.take(1)
    assert n.site.state() == (S.DELIVERED, None)
    until(lambda: peer.answers == [0x0000])
    assert set(peer.stored.values()) == {1}


def test_what_is_missing_is_sent_again_and_only_that(archive: Archives, node: Nodes) -> None:
    peer = archive(on_same_association)
    peer.keeps = lambda uid: uid != UIDS[1] or peer.stored[uid] > 1
    n = node(peer, linger_s=10.0)
    n.site.deliver()
    assert n.states() == [D.DELIVERED, D.PENDING, D.DELIVERED]
    n.clock.now += 20
    n.site.deliver()
    assert n.site.state() == (S.DELIVERED, None)
    assert [peer.stored[uid] for uid in UIDS] == [1, 2, 1]
    assert [uids for _, uids in peer.requests] == [UIDS, [UIDS[1]]]
    assert len({transaction for transaction, _ in peer.requests}) == 2


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
    peer = archive(on_same_association)
    peer.reasons = {UIDS[0]: reason}
    n = node(peer, linger_s=10.0)
    n.site.deliver()
    assert n.states() == [state, D.DELIVERED, D.DELIVERED]
    first = n.site.cases.deliveries(n.site.case)[0]
    assert f"0x{reason:04X}" in str(first.text)
    assert n.site.state()[0] is (S.DELIVERED if state is D.REJECTED else S.REPORTED)


def test_a_report_that_never_comes_is_asked_for_until_the_horizon(archive: Archives, node: Nodes) -> None:
    peer = archive()
    n = node(peer)
    n.site.deliver()
    n.site.deliver()
    assert len(peer.requests) == 1  # the report has its time
    n.clock.now += 601
    n.site.deliver()
    assert len({transaction for transaction, _ in peer.requests}) == 2
    n.clock.now += 25 * HOUR
    n.site.deliver()
    assert n.states() == [D.FAILED] * COUNT
    assert "never proven" in str(n.site.cases.deliveries(n.site.case)[0].text)
    assert set(peer.stored.values()) == {1}


def test_a_worker_that_dies_before_the_request_leaves_asks_at_its_next_start(
    archive: Archives, node: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    peer = archive(on_same_association)
    n = node(peer, linger_s=10.0)
    with monkeypatch.context() as patch:
        patch.setattr("ctsma_node.worker.proofs.ask", dies)
        with pytest.raises(KeyboardInterrupt):
            n.site.deliver()
    assert n.states() == [D.SENT] * COUNT
    n.site.deliver()
    assert n.site.state() == (S.DELIVERED, None)
    assert set(peer.stored.values()) == {1}


def test_a_late_report_to_the_first_request_still_counts(archive: Archives, node: Nodes) -> None:
    kept: list[Dataset] = []
    peer = archive(lambda archive, event, report: kept.append(report))
    n = node(peer)
    n.site.deliver()
    n.clock.now += 601
    n.site.deliver()
    assert tell(n.receiver.port, kept[0]) == 0x0000
    n.take(1)
    assert n.site.state() == (S.DELIVERED, None)


def one_later() -> Reporting:
    """The report of each request comes with the next one, over the association that brings that."""
    kept: list[Dataset] = []

    def tell_the_last(archive: ScriptedArchive, event: Event, report: Dataset) -> None:
        for each in kept:
            on_same_association(archive, event, each)
        kept[:] = [report]

    return tell_the_last


def asked_until(n: ProvingNode, happened: Callable[[], bool]) -> None:
    """Ask again and again: on a busy machine a report may come when the association is over already."""
    for _ in range(6):
        n.site.deliver()
        if happened():
            return
        n.clock.now += 601
    raise AssertionError("it did not happen")


def test_a_late_report_over_the_association_of_the_next_request_counts(
    archive: Archives, node: Nodes
) -> None:
    n = node(archive(one_later()), linger_s=1.0)
    n.site.deliver()
    assert n.states() == [D.SENT] * COUNT
    n.clock.now += 601
    asked_until(n, lambda: n.site.state() == (S.DELIVERED, None))


def test_a_report_of_another_case_over_the_requesting_association_ends_that_case(
    archive: Archives, node: Nodes
) -> None:
    n = node(archive(one_later()), linger_s=1.0)
    other = n.site.add_case("1.2.4", first=COUNT)
    asked_until(n, lambda: n.site.state() == (S.DELIVERED, None))
    asked_until(n, lambda: n.site.cases.get(other).state is S.DELIVERED)


def test_a_report_that_cannot_be_written_down_is_not_acknowledged(
    archive: Archives, node: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise sqlite3.OperationalError("database or disk is full")

    peer = archive(on_same_association)
    n = node(peer, linger_s=1.0)
    with monkeypatch.context() as patched:
        patched.setattr(n.site.cases, "proven", full)
        asked_until(n, lambda: 0x0110 in peer.answers)
    assert n.states() == [D.SENT] * COUNT
    assert 0x0000 not in peer.answers


def test_a_late_report_says_nothing_of_what_was_sent_again(archive: Archives, node: Nodes) -> None:
    kept: list[Dataset] = []
    peer = archive(lambda archive, event, report: kept.append(report))
    n = node(peer)
    n.site.deliver()
    peer.held.clear()  # the archive loses all of it, and says so when it is asked again
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
    peer = archive(on_same_association)
    peer.action_status = 0x0110
    n = node(peer, linger_s=10.0)
    n.site.deliver()
    assert n.states() == [D.SENT] * COUNT
    assert "N-ACTION answered with 0x0110" in str(n.site.cases.deliveries(n.site.case)[0].text)
    peer.action_status = 0x0000
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
    peer = archive()
    n = node(peer)
    peer._report = over_another(n.receiver.port, change=change)
    n.site.deliver()
    until(lambda: peer.answers == [answer])
    n.reports.sweep()
    assert n.states() == [D.SENT] * COUNT


def test_a_stranger_cannot_report_and_the_destination_cannot_store(archive: Archives, node: Nodes) -> None:
    kept: list[Dataset] = []
    peer = archive(lambda archive, event, report: kept.append(report))
    n = node(peer)
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


def test_the_doctor_sees_whether_the_proof_is_offered(archive: Archives) -> None:
    for commits, verdict in ((True, Verdict.OK), (False, Verdict.WRONG)):
        destination = pacs("PACS", archive(None, commits).port, "commitment")
        settings = Settings(destinations=(destination,))
        (finding,) = examine_proof(destination, proof_peer_of(settings, destination))
        assert finding.verdict is verdict
        assert "Storage Commitment" in finding.what
