"""Couriers on real sockets: one dead PACS blocks nothing else, and what failed is taken again."""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import structlog.testing
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.events import Event

from ctsma_node.audit import Recorder
from ctsma_node.config import DestinationSettings
from ctsma_node.config.settings import DeliverySettings
from ctsma_node.deliver import Answer, DicomArchive, Outcome, Outgoing
from ctsma_node.records import DeliveryState, SeriesState
from ctsma_node.worker.couriers import Courier
from ctsma_node.worker.ending import Ending
from tests.fixtures.proving_node import Clock
from tests.fixtures.reported_case import COUNT, UIDS, ReportedCase, until
from tests.integration.test_audit import kind, messages

S = SeriesState
BEGUN_AND_ENDED = [("Begin Transferring DICOM Instances", "E"), ("DICOM Instances Transferred", "R")]


def site_of(folder: Path, **pacs: Pacs) -> ReportedCase:
    return ReportedCase(
        folder,
        *(
            DestinationSettings(
                name=name, ae_title="PACS", host="127.0.0.1", port=each.port, objects=("volume",)
            )
            for name, each in pacs.items()
        ),
    )


class Pacs:
    """A storage SCP that can be away and answers by script."""

    def __init__(self, answer: Callable[[int], int] = lambda n: 0x0000) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.stored: list[str] = []
        self._answer = answer
        self._ae = AE(ae_title="PACS")
        self._ae.add_supported_context(CTImageStorage, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])

    def start(self) -> Pacs:
        handlers: list[evt.EventHandlerType] = [(evt.EVT_C_STORE, self._store)]
        self._ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        return self

    def stop(self) -> None:
        self._ae.shutdown()

    def _store(self, event: Event) -> int:
        self.stored.append(str(event.request.AffectedSOPInstanceUID))
        return self._answer(len(self.stored))


@pytest.fixture
def pacs() -> Iterator[Callable[..., Pacs]]:
    made: list[Pacs] = []

    def make(answer: Callable[[int], int] = lambda n: 0x0000) -> Pacs:
        made.append(Pacs(answer))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def test_a_dead_pacs_blocks_no_other_and_gets_its_set_when_it_is_back(
    tmp_path: Path, pacs: Callable[..., Pacs]
) -> None:
    dead, alive = pacs(), pacs().start()
    with site_of(tmp_path, dead=dead, alive=alive) as site:
        until(lambda: site.states("alive") == [DeliveryState.DELIVERED] * COUNT)
        until(lambda: site.attempts("dead") >= COUNT)
        assert site.state()[0] is S.REPORTED
        dead.start()
        until(lambda: site.state() == (S.DELIVERED, None))
    assert dead.stored == alive.stored == ["2.25.1", "2.25.2", "2.25.3"]


def test_out_of_resources_is_tried_again_and_only_that_instance(
    tmp_path: Path, pacs: Callable[..., Pacs]
) -> None:
    full = pacs(lambda n: 0xA700 if n == 2 else 0x0000).start()
    with site_of(tmp_path, full=full) as site:
        until(lambda: site.state() == (S.DELIVERED, None))
    assert full.stored == ["2.25.1", "2.25.2", "2.25.3", "2.25.2"]


def test_a_permanent_answer_is_an_honest_end(tmp_path: Path, pacs: Callable[..., Pacs]) -> None:
    picky = pacs(lambda n: 0xC001 if n == 1 else 0x0000).start()
    with site_of(tmp_path, picky=picky) as site:
        until(lambda: site.state() == (S.DELIVERED, "partly_delivered"))
        assert site.states("picky")[0] is DeliveryState.REJECTED
        assert site.cases.deliveries(site.case)[0].status == 0xC001
    assert len(picky.stored) == COUNT


def test_a_case_that_is_cancelled_while_another_goes_out_is_not_sent(
    tmp_path: Path, pacs: Callable[..., Pacs]
) -> None:
    asked: list[int] = []

    def cancelling(number: int) -> int:
        if number == 1:
            site.cases.cancel(asked[0])
        return 0x0000

    peer = pacs(cancelling).start()
    site = site_of(tmp_path, pacs=peer)
    asked.append(site.add_case("1.2.4", first=10))
    site.deliver()
    assert peer.stored == UIDS
    assert site.state() == (S.DELIVERED, None)
    site.cases.close()


def told(site: ReportedCase) -> Courier:
    """A courier with an audit trail."""
    recorder = Recorder(site.settings, "work")
    to = site.settings.destinations[0]
    return Courier(site.settings, to, site.cases, site.ending, recorder=recorder)


def test_a_set_that_is_cancelled_on_its_way_stops_and_is_told_to_its_end(
    tmp_path: Path, pacs: Callable[..., Pacs]
) -> None:
    def cancelling(number: int) -> int:
        site.cases.cancel(site.case)
        return 0x0000

    peer = pacs(cancelling).start()
    site = site_of(tmp_path, pacs=peer)
    with structlog.testing.capture_logs() as logs:
        told(site).deliver_due()
    assert peer.stored == UIDS[:1]
    assert site.state() == (S.FAILED, "cancelled")
    assert site.states("pacs") == [DeliveryState.FAILED] * COUNT
    late = [(each["instance"], each["code"]) for each in logs if each["event"] == "delivery.too_late"]
    assert late == [(UIDS[0], "delivered")]
    assert [kind(each)[:2] for each in messages(site.settings, "work")] == BEGUN_AND_ENDED
    site.cases.close()


def test_a_set_is_told_to_its_end_though_the_ledger_fails(
    tmp_path: Path, pacs: Callable[..., Pacs], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise sqlite3.OperationalError("database or disk is full")

    site = site_of(tmp_path, pacs=pacs().start())
    monkeypatch.setattr(site.cases, "delivery_done", full)
    with pytest.raises(sqlite3.OperationalError):
        told(site).deliver_due()
    assert [kind(each)[:2] for each in messages(site.settings, "work")] == BEGUN_AND_ENDED
    site.cases.close()


def test_the_horizon_ends_what_never_succeeds(tmp_path: Path, pacs: Callable[..., Pacs]) -> None:
    site = site_of(tmp_path, dead=pacs())
    hour = 3600.0
    late = Courier(
        site.settings,
        site.settings.destinations[0],
        site.cases,
        Ending(site.cases),
        lambda: time.time() + hour,
    )
    late.deliver_due()
    assert site.state() == (S.FAILED, "not_delivered")
    assert site.states("dead") == [DeliveryState.FAILED] * COUNT
    site.cases.close()


def away(_: DicomArchive, instances: Sequence[Outgoing], stop: Callable[[], bool]) -> Iterator[Answer]:
    """What a courier is told where nobody listens."""
    return (Answer(each, Outcome.TRANSIENT, None, "nobody listens") for each in instances)


def test_a_pacs_that_is_back_before_the_week_is_over_gets_everything_once(
    tmp_path: Path, pacs: Callable[..., Pacs], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the default settings, and a clock that is set to when something is due."""
    dead, clock, defaults = pacs(), Clock(), DeliverySettings()
    limits = {name: getattr(defaults, name) for name in ("first_s", "factor", "max_s", "horizon_h")}
    destination = DestinationSettings(
        name="dead", ae_title="PACS", host="127.0.0.1", port=dead.port, objects=("volume",)
    )
    site = ReportedCase(tmp_path, destination, clock=clock, **limits)
    monkeypatch.setattr(DicomArchive, "store", away)
    end, looks = clock.now + 7 * 86400.0, 0
    while clock.now < end:
        site.deliver()
        looks += 1
        assert set(site.states("dead")) == {DeliveryState.PENDING}
        due = min(each.due_at or end for each in site.cases.deliveries(site.case))
        assert due <= end
        if due == end:
            break
        clock.now = due
    assert 150 < looks < 300  # at most hourly, or nearly so
    monkeypatch.undo()
    clock.now = end
    dead.start()
    site.deliver()
    assert site.state() == (S.DELIVERED, None)
    assert dead.stored == ["2.25.1", "2.25.2", "2.25.3"]
    site.cases.close()


def test_the_horizon_stands_still_while_a_destination_is_paused(
    tmp_path: Path, pacs: Callable[..., Pacs]
) -> None:
    dead, clock = pacs(), Clock()
    destination = DestinationSettings(
        name="dead", ae_title="PACS", host="127.0.0.1", port=dead.port, objects=("volume",)
    )
    site = ReportedCase(tmp_path, destination, clock=clock)  # with a horizon of an hour
    site.cases.pause("dead")
    clock.now += 3 * 3600.0
    site.deliver()
    assert site.attempts("dead") == 0
    site.cases.resume("dead")
    site.deliver()
    assert site.states("dead") == [DeliveryState.PENDING] * COUNT
    dead.start()
    clock.now += 60.0
    site.deliver()
    assert site.state() == (S.DELIVERED, None)
    site.cases.close()
