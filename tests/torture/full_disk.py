"""The disk runs full while receiver and worker are at work, and is freed again: stores are answered A700 with
nothing left behind, and both go on by themselves. No limit of the settings stands before the disk's own.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

from tests.torture.disk import Disk
from tests.torture.holdings import Holdings
from tests.torture.keeping_pacs import KeepingPacs
from tests.torture.node import TortureNode
from tests.torture.run import Run
from tests.torture.sets import Sets
from tests.torture.traffic import SLICES, Book, Sent, send, series

SHORT, LONG = 3, 100

_SIZE = 96 << 20  # bytes; ext4 takes some of it
_LEFT = 300 << 10  # at most, where it counts as full
_FULL_S = 1.0
_PATIENCE_S = 240.0
_OUT_OF_RESOURCES = 0xA700
ENDED = "processes that ended by themselves"


def torment(run: Run) -> None:
    """Fill the disk `run.count` times."""
    pacs = KeepingPacs(run.random)
    try:
        with Disk(run.folder / "state", _SIZE) as disk:
            suite = _Filled(run, disk, pacs)
            try:
                for number in run.rounds():
                    suite.fill_once(number)
                suite.look()
            finally:
                suite.close()
    finally:
        pacs.close()


class _Filled:
    def __init__(self, run: Run, disk: Disk, pacs: KeepingPacs) -> None:
        self._draw, self._tally, self._disk = run.random, run.tally, disk
        self._node = TortureNode(run.folder, pacs.port, run.mutant)
        self._book = Book()
        self._holdings = Holdings(self._node.settings, self._book, run.tally)
        self._sets = Sets(self._node.settings, pacs, run.tally)
        self._expected: dict[str, int] = {}
        self._n_series = 0
        run.tally.count(ENDED, 0)
        self._node.start_receiver()
        self._node.start_worker()

    def fill_once(self, number: int) -> None:
        """Fill it at a drawn instant of one series' way, send another one, free it, and send what is left."""
        first, second = self._new_series(), self._new_series()
        send(self._node.port, first, self._book)
        time.sleep(self._draw.uniform(0.0, _FULL_S))
        ballast = self._disk.folder / "ballast"
        _fill(ballast, self._draw.randrange(_LEFT))
        self._tally.count("times full")
        with suppress(OSError):
            send(self._node.port, second, self._book)
        time.sleep(self._draw.uniform(0.0, _FULL_S))
        ballast.unlink()
        refused = self._book.missing(second)
        self._tally.count("stores while it was full", len(second))
        self._tally.count("answered A700", len(refused))
        send(self._node.port, refused, self._book)
        for sent in self._book.missing(second):
            self._tally.fault("does not go on", sent.sop_instance_uid)
        if all(self._node.is_running(name) for name in ("receive", "work")):
            self._sets.wait(self._expected, _PATIENCE_S)
        for name in ("receive", "work"):
            if not self._node.is_running(name):
                self._tally.fault(ENDED, f"{name}, the disk full for the {number + 1}. time")

    def look(self) -> None:
        """Kill, recover, and look at everything."""
        self._node.close()
        self._node.start_receiver()
        self._holdings.inspect(again=True)
        self._sets.inspect(self._expected)
        self._tally.count("series delivered", len(self._expected))
        for status in sorted(set(self._book.refused) - {_OUT_OF_RESOURCES}):
            self._tally.fault("answers that are not right", f"{status:04X}")

    def close(self) -> None:
        """Let go of the disk."""
        self._node.close()
        self._sets.close()

    def _new_series(self) -> list[Sent]:
        made = series(self._n_series)
        self._n_series += 1
        self._expected[made[0].series_uid] = SLICES
        return made


def _fill(ballast: os.PathLike[str], left: int) -> None:
    """Take all room but so many bytes."""
    with open(ballast, "wb", buffering=0) as file:  # noqa: PTH123 (any path)
        for step in (1 << 20, 1 << 12):
            with suppress(OSError):
                while True:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), step)
        os.ftruncate(file.fileno(), max(file.seek(0, os.SEEK_END) - left, 0))
