"""The system's clock is set an hour back, a day ahead and by less, while a series comes in and while results
wait for their next attempt: nothing waits for the clock to come round, and nothing is removed too early.

Receiver and worker run in threads here, by a clock that can be set; files are kept for an hour.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path

from pynetdicom.events import Event

from ctsma_node import log
from ctsma_node.config import Settings
from ctsma_node.config.operations import RetentionSettings
from ctsma_node.ledger.cases import CasesReader
from ctsma_node.receive.server import Receiver
from ctsma_node.worker.loop import Worker
from tests.acceptance.site import until
from tests.torture.keeping_pacs import KeepingPacs
from tests.torture.node import TortureNode
from tests.torture.run import Run
from tests.torture.sets import Sets
from tests.torture.stand_in import StandIn
from tests.torture.traffic import SLICES, Book, send, series

SHORT, LONG = 4, 60

_STEPS_S = (-3600.0, 86400.0, -90.0, 300.0)
_HOUR_D = 1 / 24
_PATIENCE_S = 60.0
_REFUSED = 0xA700


def torment(run: Run) -> None:
    """Set the clock `run.count` times."""
    log.configure("error", (run.folder / "log").open("w", encoding="utf-8"))
    pacs = _Pacs(run.random)
    try:
        site = _Site(run, pacs)
        try:
            for number in run.rounds():
                site.set_clock_once(number)
            site.look()
        finally:
            site.close()
    finally:
        pacs.close()


class _Clock:
    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


class _Pacs(KeepingPacs):
    """Refuses everything for now while it is full."""

    is_full = False

    def _store(self, event: Event) -> int:
        return _REFUSED if self.is_full else super()._store(event)


class _Site:
    def __init__(self, run: Run, pacs: _Pacs) -> None:
        self._run, self._pacs = run, pacs
        kept = RetentionSettings(instances_days=_HOUR_D, results_days=_HOUR_D)
        self._settings = TortureNode(run.folder, pacs.port).settings.model_copy(update={"retention": kept})
        self._clock, self._book = _Clock(), Book()
        self._receiver = Receiver(self._settings, self._clock)
        self._receiver.start()
        self._worker = Worker(self._settings, StandIn(), self._clock)
        self._working = threading.Thread(target=self._worker.run)
        self._working.start()
        self._sets = Sets(self._settings, pacs, run.tally)
        self._expected: dict[str, int] = {}

    def set_clock_once(self, number: int) -> None:
        """Set it in the middle of one series' way, and wait for its set."""
        step = _STEPS_S[number // 2 % len(_STEPS_S)]
        instances = series(number)
        self._run.random.shuffle(instances)
        half = SLICES if number % 2 else SLICES // 2
        self._pacs.is_full = True
        send(self._settings.node.port, instances[:half], self._book)
        if half == SLICES:
            until(lambda: self._waits_for_attempt(instances[0].series_uid), "the first attempt")
        self._clock.ahead_s += step
        self._run.tally.count(
            f"set by {step:+.0f} s while {'results wait' if half == SLICES else 'it comes in'}"
        )
        self._pacs.is_full = False
        if half < SLICES:
            send(self._settings.node.port, instances[half:], self._book)
        self._expected[instances[0].series_uid] = SLICES
        self._sets.wait(self._expected, _PATIENCE_S)
        if self._run.tally.counts["times that the sets were not there in time"]:
            raise TimeoutError(f"no set {_PATIENCE_S:.0f} s behind a clock set by {step:+.0f} s")
        files = _files(self._settings)
        self._receiver.purge()
        self._worker._purge()
        for gone in sorted(files - _files(self._settings)):
            self._run.tally.fault("removed before its time", gone)

    def look(self) -> None:
        """Hold everything that was delivered against the ledger."""
        if not self._run.tally.faults:
            self._sets.inspect(self._expected)
        self._run.tally.count("series delivered", len(self._expected))

    def close(self) -> None:
        """End receiver and worker."""
        self._worker.stop()
        self._working.join()
        self._receiver.stop()
        self._sets.close()

    def _waits_for_attempt(self, series_uid: str) -> bool:
        with closing(CasesReader(self._settings.ledger_path)) as cases:
            rows = [row for case in cases.by_series(series_uid) for row in cases.deliveries(case.id)]
        return any(row.attempts for row in rows)


def _files(settings: Settings) -> set[str]:
    folders: tuple[Path, ...] = (settings.spool_dir, settings.outbox_dir)
    return {path.name for folder in folders for path in folder.rglob("*.dcm")}
