"""The worker dies at every write of its ledger in turn, before it and behind it: one set is delivered.

The destination is in memory here, so that every death can be tried; it is on sockets in tests/integration.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ctsma_node.deliver import Answer, Outcome, Outgoing
from ctsma_node.deliver.commitment import Wanted
from ctsma_node.ledger.inbox import Inbox, InboxReader
from ctsma_node.ledger.sqlite import Writer
from ctsma_node.records import CommitmentReport, SeriesState
from ctsma_node.worker.reports import Reports
from ctsma_node.worker.routes import schedule_of
from ctsma_node.worker.verdicts import Verdicts
from tests.fixtures.proving_node import Clock, pacs
from tests.fixtures.reported_case import UIDS, ReportedCase


class KilledError(BaseException):
    """No handler of the worker's own catches it, as none catches SIGKILL."""


class MemoryArchive:
    """A destination that holds what it is sent; one that `loses` forgets one instance once."""

    def __init__(self, loses: bool, inbox: Path | None) -> None:
        self.stored: Counter[str] = Counter()
        self.held_now: set[str] = set()
        self._loses = loses
        self._inbox = inbox

    def store(self, instances: Sequence[Outgoing], stop: Callable[[], bool]) -> Iterator[Answer]:
        for each in instances:
            uid = each.sop_instance_uid
            self.stored[uid] += 1
            if not (self._loses and uid == UIDS[1] and self.stored[uid] == 1):
                self.held_now.add(uid)
            yield Answer(each, Outcome.DELIVERED, 0x0000, "stored")

    def held(self, study_uid: str, series_uids: Sequence[str]) -> frozenset[str]:
        return frozenset(self.held_now)

    def commit(
        self,
        _: object,
        transaction_uid: str,
        instances: Sequence[Wanted],
        wait_on: Callable[[], bool],
        longest_wait_s: float,
        take: Callable[[CommitmentReport], None],
    ) -> None:
        """Report to the receiver's file where there is one, else over the same association."""
        wanted = {each.sop_instance_uid for each in instances}
        failed = dict.fromkeys(wanted - self.held_now, 0x0112)
        report = CommitmentReport(transaction_uid, frozenset(wanted & self.held_now), failed)
        if self._inbox is None:
            take(report)
            return
        inbox = Inbox(self._inbox)
        inbox.add_report(report, "PACS", "127.0.0.1", 1.0)
        inbox.close()


class Reaper:
    """Kills at the n-th write of the worker's ledger from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.countdown, self.behind = 0, False
        self.writer: Writer | None = None
        original, reaper = Writer.transaction, self

        @contextmanager
        def transaction(writer: Writer, *, repeatable: bool = False) -> Iterator[Any]:
            mine = writer is reaper.writer
            reaper.countdown -= mine
            if mine and reaper.countdown == 0 and not reaper.behind:
                raise KilledError
            with original(writer, repeatable=repeatable) as connection:
                yield connection
            if mine and reaper.countdown == 0:
                raise KilledError

        monkeypatch.setattr(Writer, "transaction", transaction)


class Worker:
    """One life of a worker: its courier, and the sweep over reports."""

    def __init__(self, folder: Path, archive: MemoryArchive, proof: str, clock: Clock) -> None:
        self.clock = clock
        destination = pacs("PACS", 104, proof)
        self.site = ReportedCase(
            folder, destination, clock=clock, first_s=10, max_s=10, horizon_h=24, report_s=60
        )
        courier = self.site.couriers[0]
        courier._archive = archive
        if proof == "find":
            courier._proof._archive = archive  # type: ignore[attr-defined]
        self.inbox = InboxReader(self.site.settings.inbox_path)
        verdicts = Verdicts(self.site.cases, schedule_of(self.site.settings), clock)
        self.reports = Reports(self.inbox, self.site.cases, verdicts, self.site.ending)

    def run(self) -> bool:
        """Work for a while; says whether the case has ended as delivered."""
        self.site.ending.settle(self.site.case)  # as at every start
        for _ in range(8):
            self.site.deliver()
            self.reports.sweep()
            self.clock.now += 70
        return self.site.state() == (SeriesState.DELIVERED, None)

    def close(self) -> None:
        self.inbox.close()
        self.site.cases.close()


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize(
    ("proof", "to_receiver", "loses"),
    [
        ("status", False, False),
        ("find", False, False),
        ("find", False, True),
        ("commitment", False, True),
        ("commitment", True, False),
        ("commitment", True, True),
    ],
)
def test_whenever_it_dies_one_set_is_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    proof: str,
    to_receiver: bool,
    loses: bool,
    behind: bool,
) -> None:
    reaper, died = Reaper(monkeypatch), True
    for number in itertools.count(1):
        folder = tmp_path / str(number)
        folder.mkdir()
        archive = MemoryArchive(loses, folder / "inbox.sqlite3" if to_receiver else None)
        monkeypatch.setattr("ctsma_node.worker.proofs.ask", archive.commit)
        reaper.behind = behind
        died = _dies_and_comes_back(number, reaper, folder, archive, proof)
        assert archive.held_now == set(UIDS)
        # Once, but for what it lost and for the one whose answer was not written when it died.
        assert sum(archive.stored.values()) <= len(UIDS) + loses + died
        if not died:
            break
    assert number > len(UIDS) + 1  # a write for each instance, and one for the case


def _dies_and_comes_back(
    number: int, reaper: Reaper, folder: Path, archive: MemoryArchive, proof: str
) -> bool:
    """One life that ends at the `number`-th write, and another one after it; says whether the first died."""
    clock, died = Clock(), False
    worker = Worker(folder, archive, proof, clock)
    reaper.writer, reaper.countdown = worker.site.cases._writer, number
    try:
        assert worker.run()
    except KilledError:
        died = True
    finally:
        reaper.writer = None
        worker.close()
    worker = Worker(folder, archive, proof, clock)
    try:
        assert worker.run()
    finally:
        worker.close()
    return died
