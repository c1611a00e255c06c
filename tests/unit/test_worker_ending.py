"""How a case ends, told from its deliveries; and what systemd is told."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from ctsma_node.records import Delivery, DeliveryState, SeriesState
from ctsma_node.systemd import notify
from ctsma_node.worker.ending import outcome
from ctsma_node.worker.loop import Worker
from tests.acceptance.stand_ins import FakeAnalyser
from tests.fixtures.proving_node import pacs
from tests.fixtures.reported_case import COUNT, ReportedCase, until

DONE, REJECTED, FAILED = DeliveryState.DELIVERED, DeliveryState.REJECTED, DeliveryState.FAILED


def row(number: int, destination: str, state: DeliveryState, kind: str = "picture") -> Delivery:
    return Delivery(
        id=number,
        case_id=1,
        destination=destination,
        sop_instance_uid=f"2.25.{number}",
        sop_class_uid="1.2",
        transfer_syntax="1.2.840.10008.1.2.1",
        kind=kind,
        path=f"1/{number}.dcm",
        state=state,
        attempts=1,
        created_at=0.0,
        due_at=None,
        status=None if state is DONE else 0xC000,
        text=None if state is DONE else "cannot understand (PS3.4 B.2.3)",
    )


def test_all_stored() -> None:
    assert outcome([row(1, "a", DONE), row(2, "b", DONE)]) == (SeriesState.DELIVERED, None, None)


def test_an_archive_without_maps_has_been_delivered_to_in_part() -> None:
    state, code, reason = outcome([row(1, "a", DONE), row(2, "a", REJECTED, "parametric_map")])
    assert (state, code) == (SeriesState.DELIVERED, "partly_delivered")
    assert "1 of 2" in str(reason)
    assert "parametric_map" in str(reason)


@pytest.mark.parametrize("how", [REJECTED, FAILED])
def test_a_destination_that_holds_nothing_fails_the_case(how: DeliveryState) -> None:
    state, code, reason = outcome([row(1, "a", DONE), row(2, "b", how), row(3, "b", how)])
    assert (state, code) == (SeriesState.FAILED, "not_delivered")
    assert "b holds nothing" in str(reason)
    assert "cannot understand" in str(reason)


def test_a_case_whose_end_could_not_be_written_down_ends_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctsma_node.worker.loop._SETTLE_S", 0.05)
    site = ReportedCase(tmp_path, pacs("PACS", 104, "status"))
    waiting = site.add_case("1.2.4", first=COUNT)
    for row in site.cases.deliveries(site.case):
        site.cases.delivery_done(row.id)
    for row in site.cases.deliveries(waiting)[1:]:
        site.cases.delivery_done(row.id)
    site.cases.close()  # the disk was full for the one commit that ends the case
    worker = Worker(site.settings, FakeAnalyser())
    rounds = worker._rounds()
    rounds.start()
    try:
        until(lambda: worker._cases.get(site.case).state is SeriesState.DELIVERED)
    finally:
        rounds.stop()
    assert worker._cases.get(waiting).state is SeriesState.REPORTED
    worker.close()


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_it(abstract: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        name = f"{folder}/notify"
        manager.bind("\0" + name if abstract else name)
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name if abstract else name)
        notify("READY=1")
        assert manager.recv(64) == b"READY=1"
        assert Path(folder).exists()


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    assert "NOTIFY_SOCKET" not in os.environ
