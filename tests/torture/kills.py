"""kill -9 of receiver and worker at random instants, in traffic and at their start, again and again.

Senders bring series, some of them interleaved or over two associations at once, and send again what was
acknowledged, half of it with other bytes. The instant is drawn from the whole of a store: behind so many
answers, and up to two answers' time later; a start is broken off anywhere in its recovery.
"""

from __future__ import annotations

import random
import time

from tests.torture.holdings import Holdings
from tests.torture.journal import Journal
from tests.torture.keeping_pacs import KeepingPacs
from tests.torture.node import TortureNode
from tests.torture.run import Run
from tests.torture.sets import Sets
from tests.torture.traffic import SLICES, Book, Sender, Sent, interleaved, send, series

SHORT, LONG = 100, 1000
ENDED = "processes that ended by themselves"
_KINDS = {"receiver": 45, "receiver at its start": 15, "worker": 35, "both": 5}


def torment(run: Run) -> None:
    """Kill, start again, look; in the end everything must have come of it that should."""
    pacs = KeepingPacs(random.Random(run.seed))  # its own: it draws in threads
    try:
        victim = _Victim(run, pacs)
        try:
            for _ in run.rounds():
                victim.kill_once()
            victim.settle()
        finally:
            victim.close()
    finally:
        pacs.close()


class _Victim:
    """A node in traffic."""

    def __init__(self, run: Run, pacs: KeepingPacs) -> None:
        self._draw, self._tally = run.random, run.tally
        self._node = TortureNode(run.folder, pacs.port, run.mutant)
        self._book = Book()
        self._holdings = Holdings(self._node.settings, self._book, run.tally)
        self._sets = Sets(self._node.settings, pacs, run.tally)
        self._journal = Journal(self._node, run.tally)
        run.tally.count(ENDED, 0)
        self._due: list[Sent] = []
        self._n_series = 0
        self._start_s = 0.1  # that a receiver takes
        self._node.start_receiver()
        self._node.start_worker()

    def kill_once(self) -> None:
        """Some traffic, a kill in the middle of it, and a new start."""
        kind = self._draw.choices(list(_KINDS), list(_KINDS.values()))[0]
        self._tally.count(f"kills: {kind}")
        senders = self._senders()
        for sender in senders:
            sender.start()
        if kind == "worker":
            time.sleep(self._draw.uniform(0, 0.4))
        else:
            self._wait_within_a_store()
        for name in ("receive", "work"):
            if not self._node.is_running(name):
                self._tally.fault(ENDED, name)
        if kind != "worker":
            self._node.kill("receive")
        if kind in ("worker", "both"):
            self._node.kill("work")
            self._journal.note_worker()
        for sender in senders:
            sender.join()
        self._start_again(kind)
        self._due = self._book.missing(self._due)

    def _start_again(self, kind: str) -> None:
        if kind == "receiver at its start":
            self._node.start_receiver(wait=False)
            time.sleep(self._draw.uniform(0, self._start_s))
            self._node.kill("receive")
        if kind != "worker":
            began = time.monotonic()
            self._node.start_receiver()
            self._start_s = time.monotonic() - began
            self._holdings.inspect()
        if kind in ("worker", "both"):
            self._node.start_worker()

    def settle(self) -> None:
        """Send what is left, wait for the sets, and look at everything."""
        if self._due:
            send(self._node.port, self._due, self._book)
        expected = dict.fromkeys({sent.series_uid for sent in self._book.kept.values()}, SLICES)
        self._sets.wait(expected, 0.0 if self._tally.faults else 120.0)
        self._node.kill("work")
        self._node.kill("receive")
        self._node.start_receiver()
        self._holdings.inspect(again=True)
        self._sets.inspect(expected)
        self._journal.tell(self._book)

    def close(self) -> None:
        self._node.close()
        self._sets.close()

    def _wait_within_a_store(self) -> None:
        count = self._book.count + self._draw.randrange(len(self._due) + 1)
        self._book.wait_for(count, 2.0)
        time.sleep(self._draw.uniform(0, 2 * self._book.latency()))

    def _senders(self) -> list[Sender]:
        if not self._due:
            self._due = self._new_series()
        parts = [self._due]
        if self._draw.random() < 0.4:
            parts.append(self._due)
        if self._draw.random() < 0.4 and self._book.kept:
            known = self._draw.choices(list(self._book.kept.values()), k=6)
            parts.append([each.with_other_bytes() if n % 2 else each for n, each in enumerate(known)])
        return [Sender(self._node.port, part, self._book) for part in parts]

    def _new_series(self) -> list[Sent]:
        first = series(self._n_series)
        self._n_series += 1
        way = self._draw.randrange(3)
        if way == 1:
            self._draw.shuffle(first)
        elif way == 2:
            first = interleaved(first, series(self._n_series), self._draw)
            self._n_series += 1
        return first
