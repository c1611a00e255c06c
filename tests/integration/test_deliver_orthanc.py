"""Orthanc as a destination: it commits, is found out where it lost something, and may be away for an hour."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ctsma_node.demo.ports import free_port
from ctsma_node.records import DeliveryState, SeriesState
from tests.conftest import RequireTool
from tests.fixtures.orthanc import Archive
from tests.fixtures.proving_node import ProvingNode, pacs
from tests.fixtures.reported_case import COUNT, UIDS

S, D = SeriesState, DeliveryState
HOUR = 3600.0


@pytest.fixture(scope="module")
def orthanc(require_tool: RequireTool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    archive = Archive(require_tool("Orthanc"), tmp_path_factory.mktemp("orthanc"))
    archive.node_port = free_port()
    archive.start()
    yield archive
    archive.stop()


@pytest.fixture
def empty(orthanc: Archive) -> Archive:
    for uid in orthanc.instances():
        orthanc.forget(uid)
    return orthanc


def node_of(folder: Path, archive: Archive, proof: str) -> ProvingNode:
    times = {"first_s": 15, "factor": 2, "max_s": 3600, "horizon_h": 168, "linger_s": 0}
    destination = pacs(archive.ae_title, archive.port, proof)
    return ProvingNode(folder / "node", destination, port=archive.node_port, **times)


def test_orthanc_commits(empty: Archive, tmp_path: Path) -> None:
    node = node_of(tmp_path, empty, "commitment")
    try:
        node.site.deliver()
        assert node.states() == [D.SENT] * COUNT
        node.take(1)
        assert node.site.state() == (S.DELIVERED, None)
        assert empty.instances() == sorted(UIDS)
        assert "committed" in str(node.site.cases.deliveries(node.site.case)[0].text)
    finally:
        node.close()


def test_what_orthanc_has_lost_is_sent_again(empty: Archive, tmp_path: Path) -> None:
    node = node_of(tmp_path, empty, "commitment")
    try:
        courier = node.site.couriers[0]
        courier._proof.ask, ask = lambda rows: None, courier._proof.ask  # type: ignore[method-assign]
        node.site.deliver()
        empty.forget(UIDS[1])  # between the C-STORE and the request for commitment
        courier._proof.ask = ask  # type: ignore[method-assign]
        node.site.deliver()
        node.take(1)
        assert node.states() == [D.DELIVERED, D.PENDING, D.DELIVERED]
        node.clock.now += 60
        node.site.deliver()
        node.take(2)
        assert node.site.state() == (S.DELIVERED, None)
        assert [each.attempts for each in node.site.cases.deliveries(node.site.case)] == [1, 2, 1]
        assert empty.instances() == sorted(UIDS)
    finally:
        node.close()


@pytest.mark.parametrize("proof", ["find", "commitment"])
def test_an_hour_without_orthanc_costs_nothing(empty: Archive, tmp_path: Path, proof: str) -> None:
    node = node_of(tmp_path, empty, proof)
    empty.stop()
    try:
        end, looks = node.clock.now + HOUR, 0
        while node.clock.now < end:
            node.site.deliver()
            node.clock.now = min(each.due_at or end for each in node.site.cases.deliveries(node.site.case))
            looks += 1
        assert looks < 12  # backoff, not a drum
        assert node.states() == [D.PENDING] * COUNT
        empty.start()
        node.site.deliver()
        if proof == "commitment":
            node.take(1)
        assert node.site.state() == (S.DELIVERED, None)
        assert empty.instances() == sorted(UIDS)
        rows = node.site.cases.deliveries(node.site.case)
        assert {each.attempts for each in rows} == {looks + 1}
    finally:
        node.close()
