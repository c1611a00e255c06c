"""Power is cut at random instants, while receiver and worker are at work and while they start. The state lies
on an ext4 that forgets what was not synced; what was acknowledged is there, and each series has its one set.

The cut is EXT4_IOC_SHUTDOWN without a flush of the journal, then SIGKILL; the file system is mounted again.
"""

from __future__ import annotations

import random
import struct
import time
from dataclasses import replace

from tests.torture.disk import Disk
from tests.torture.holdings import Holdings
from tests.torture.keeping_pacs import KeepingPacs
from tests.torture.node import TortureNode
from tests.torture.run import Run
from tests.torture.sets import Sets
from tests.torture.traffic import SLICES, Book, Sender, Sent, send, series

SHORT, LONG = 8, 100
CATCHES = ("no_fsync", "wal_normal")

_KINDS = {"while it stores": 50, "while it works": 30, "while it starts": 20}
_WORKING_S = 0.6  # that taking over, making and sending a set take about
_PADDINGS = (0, 0, 5_000, 50_000, 150_000)  # bytes
_OUT_OF_RESOURCES = 0xA700
_CATCH_UP = 0.1  # of the cuts are followed by a time in which the worker makes what waits
_PATIENCE_S = 240.0


def torment(run: Run) -> None:
    """Cut the power `run.count` times."""
    pacs = KeepingPacs(run.random)
    try:
        with Disk(run.folder / "state") as disk:
            suite = _Cuts(run, disk, pacs)
            try:
                for number in run.rounds():
                    suite.cut_once(number)
                if not (run.mutant and run.tally.faults):
                    suite.settle()
            finally:
                suite.close()
    finally:
        pacs.close()


class _Cuts:
    def __init__(self, run: Run, disk: Disk, pacs: KeepingPacs) -> None:
        self._draw, self._tally, self._disk = run.random, run.tally, disk
        self._node = TortureNode(run.folder, pacs.port, run.mutant)
        self._book = Book()
        self._holdings = Holdings(self._node.settings, self._book, run.tally)
        self._sets = Sets(self._node.settings, pacs, run.tally)
        self._due: list[Sent] = []
        self._start_s = 0.1  # that a receiver takes
        self._start()

    def cut_once(self, number: int) -> None:
        """Some traffic, a cut in the middle of it, and a look at what is there."""
        kind = self._draw.choices(list(_KINDS), list(_KINDS.values()))[0]
        self._tally.count(f"cuts {kind}")
        self._due += [_padded(each, self._draw) for each in series(number)]
        self._draw.shuffle(self._due)
        senders = [Sender(self._node.port, self._due[n::2], self._book) for n in range(2)]
        before = self._book.count
        for sender in senders:
            sender.start()
        if kind == "while it works":
            time.sleep(self._draw.uniform(0, _WORKING_S))
        else:
            self._book.wait_for(before + self._draw.randrange(len(self._due)) + 1, 5.0)
            time.sleep(self._draw.uniform(0, 2 * self._book.latency()))
        self._cut()
        for sender in senders:
            sender.join()
        if kind == "while it starts":
            self._node.start_receiver(wait=False)
            self._node.start_worker()
            time.sleep(self._draw.uniform(0, self._start_s))
            self._cut()
        self._start()
        self._due = self._book.missing(self._due)
        if self._draw.random() < _CATCH_UP:
            self._catch_up()

    def _catch_up(self) -> dict[str, int]:
        """Send what is left, and wait for the sets; returns how many instances each series has."""
        send(self._node.port, self._due, self._book)
        self._due = []
        expected = dict.fromkeys({sent.series_uid for sent in self._book.kept.values()}, SLICES)
        self._sets.wait(expected, _PATIENCE_S)
        self._sets.close()  # for the next cut no file may be open
        return expected

    def settle(self) -> None:
        """Let the node catch up, and look at everything."""
        expected = self._catch_up()
        self._node.kill("work")
        self._node.kill("receive")
        self._node.start_receiver()
        self._holdings.inspect(again=True)
        self._sets.inspect(expected)
        self._tally.count("instances acknowledged", len(self._book.kept))
        self._tally.count("series delivered", len(expected))
        self._tally.count("answered A700 behind a cut", self._book.refused.count(_OUT_OF_RESOURCES))
        for status in sorted(set(self._book.refused) - {_OUT_OF_RESOURCES}):
            self._tally.fault("answers that are not right", f"{status:04X}")

    def close(self) -> None:
        """Let go of the disk."""
        self._node.close()
        self._sets.close()

    def _start(self) -> None:
        began = time.monotonic()
        self._node.start_receiver()
        self._start_s = time.monotonic() - began
        self._holdings.inspect()
        self._node.start_worker()

    def _cut(self) -> None:
        self._disk.cut()
        self._node.close()
        self._disk.come_back()


def _padded(sent: Sent, draw: random.Random) -> Sent:
    """The instance with Data Set Trailing Padding (FFFC,FFFC), so that sizes differ."""
    length = draw.choice(_PADDINGS)
    if not length:
        return sent
    return replace(
        sent, dataset=sent.dataset + struct.pack("<HH2sHI", 0xFFFC, 0xFFFC, b"OB", 0, length) + bytes(length)
    )
