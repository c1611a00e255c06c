"""Couriers on real sockets: one dead PACS blocks nothing else, and what failed is taken again."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.events import Event

from ctsma_node.config import DestinationSettings
from ctsma_node.config.settings import DeliverySettings
from ctsma_node.deliver import Answer, DicomArchive, Outcome, Outgoing
from ctsma_node.records import DeliveryState, SeriesState
from ctsma_node.worker.couriers import Courier
from ctsma_node.worker.ending import Ending
from tests.fixtures.proving_node import Clock
from tests.fixtures.reported_case import COUNT, ReportedCase, until

S = SeriesState


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
