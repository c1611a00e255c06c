"""A clock that was set ahead removes nothing for a day, also where receiver and worker are begun anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ctsma_node.config import Settings
from ctsma_node.config.settings import LimitSettings, NodeSettings
from ctsma_node.receive.server import Receiver
from ctsma_node.records import Quarantined
from ctsma_node.worker import service
from ctsma_node.worker.loop import Worker
from tests.acceptance.stand_ins import FakeAnalyser
from tests.fixtures.proving_node import pacs
from tests.fixtures.reported_case import COUNT, ReportedCase

DAY_S, YEAR_S = 86400.0, 365 * 86400.0


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@contextmanager
def receiving(settings: Settings, clock: Clock) -> Iterator[Receiver]:
    receiver = Receiver(settings, clock)
    receiver.start()
    yield receiver
    receiver.stop()


def files(folder: Path) -> int:
    return len(list(folder.rglob("*.dcm")))


def test_a_receiver_that_starts_anew_goes_on_holding(tmp_path: Path) -> None:
    settings = Settings(node=NodeSettings(port=0, state_dir=tmp_path), limits=LimitSettings(min_free_bytes=0))
    clock = Clock()
    with receiving(settings, clock) as receiver:
        path = receiver._quarantine.write("ab" * 32, [b"x"])
        found = Quarantined(clock(), "unreadable_dataset", None, "A", "::1", None, None, path, 1, "ab" * 32)
        receiver._inbox.add_quarantined(found)
        receiver.purge()
    clock.ahead = YEAR_S  # while it is off
    with receiving(settings, clock) as receiver:
        assert receiver.purge() is None
    with receiving(settings, clock) as receiver:
        assert receiver.purge() is None
        assert files(settings.quarantine_dir) == 1


def delivered(folder: Path) -> Settings:
    """The state of a worker whose one case every destination has."""
    site = ReportedCase(folder, pacs("P", 1, "status"))
    for row in site.cases.deliveries(site.case):
        site.cases.delivery_done(row.id)
    site.ending.settle(site.case)
    site.cases.close()
    return site.settings


def purged(worker: Worker, settings: Settings) -> int:
    """What a purge leaves; the worker ends behind it."""
    worker.recover()
    worker._purge()
    worker.close()
    return files(settings.outbox_dir)


def test_a_worker_that_starts_anew_goes_on_holding(tmp_path: Path) -> None:
    settings, clock = delivered(tmp_path), Clock()
    assert purged(Worker(settings, FakeAnalyser(), clock), settings) == COUNT
    clock.ahead = YEAR_S
    assert purged(Worker(settings, FakeAnalyser(), clock), settings) == COUNT
    clock.ahead += DAY_S / 2
    assert purged(Worker(settings, FakeAnalyser(), clock), settings) == COUNT
    clock.ahead += DAY_S / 2
    assert purged(Worker(settings, FakeAnalyser(), clock), settings) == 0


def test_a_purge_looks_at_the_clock_before_it_begins(tmp_path: Path) -> None:
    """The sweep, which looks every second, may not have come yet."""
    settings, clock = delivered(tmp_path), Clock()
    worker = Worker(settings, FakeAnalyser(), clock)
    clock.ahead = YEAR_S
    assert purged(worker, settings) == COUNT


def test_a_worker_with_other_settings_watches_the_same_clock(tmp_path: Path) -> None:
    settings, clock = delivered(tmp_path), Clock()
    worker = Worker(settings, FakeAnalyser(), clock)
    worker.recover()
    worker.close()
    settings, again = service._next_worker(settings, lambda: settings, FakeAnalyser(), worker.clock_watch)
    assert again.clock_watch is worker.clock_watch
    again.close()
