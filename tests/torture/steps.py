"""The receiver killed before each step of a store and of its recovery: each system call, commit, answer.

One association stores an instance, sends it again, sends other bytes under its UID, and one whose UID is not
what its request says. The receiver dies before the first step of all this, then before the second, and so on
until it lives through it. Then the same is done to the start of a receiver that has much to bring in line.
"""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace

from tests.torture.holdings import Holdings
from tests.torture.node import TortureNode
from tests.torture.reaper import Reaper
from tests.torture.run import Run
from tests.torture.traffic import Book, Sent, send, series

SHORT = LONG = 400
PARTS = "receiver"
CATCHES = (
    "acknowledge_first",
    "acknowledge_before_quarantine",
    "index_first",
    "wal_normal",
    "no_part_file",
    "parts_kept",
    "last_kept",
)
_KILLED = -9


def torment(run: Run) -> None:
    """Kill at every step, in order."""
    node = TortureNode(run.folder, pacs_port=104, mutant=run.mutant)
    book = Book()
    holdings = Holdings(node.settings, book, run.tally)
    rounds = run.rounds()
    try:
        _in_associations(node, book, holdings, run, rounds)
        _in_recovery(node, holdings, run, rounds)
        holdings.inspect(again=True)
    finally:
        node.close()


def _in_associations(
    node: TortureNode, book: Book, holdings: Holdings, run: Run, rounds: Iterator[int]
) -> None:
    run.tally.count("kills in a store", 0)
    talks = [_talk(0)]
    node.start_receiver()
    send(node.port, talks[0], book)
    node.kill("receive")
    for at, _ in zip(itertools.count(1), rounds, strict=False):
        talks.append(_talk(at))
        node.start_receiver(reaper=Reaper(at))
        holdings.inspect()  # what the one before left, and this one found at its start
        with suppress(OSError):
            send(node.port, talks[-1], book)
        killed = node.stop("receive") == _KILLED
        run.tally.count("kills in a store", int(killed))
        if not killed:
            break
    node.start_receiver()
    for talk in talks:  # as a sender does that got no answer
        send(node.port, talk, book)
    holdings.inspect()
    node.kill("receive")
    answers = set(book.refused)
    if answers != {0xA900}:
        run.tally.fault("answers that are not right", " ".join(f"{status:04X}" for status in sorted(answers)))


def _talk(number: int) -> list[Sent]:
    """New, the same again, other bytes under its UID, and one that its request calls by another UID."""
    first = series(number)[0]
    return [first, first, first.with_other_bytes(), replace(first, sop_instance_uid=f"{number}.1")]


def _in_recovery(node: TortureNode, holdings: Holdings, run: Run, rounds: Iterator[int]) -> None:
    run.tally.count("kills in a recovery", 0)
    for at, _ in zip(itertools.count(1), rounds, strict=False):
        _leave_much_to_do(node)
        node.start_receiver(reaper=Reaper(at, in_recovery=True))
        killed = node.stop("receive") == _KILLED
        run.tally.count("kills in a recovery", int(killed))
        node.start_receiver()
        holdings.inspect()
        node.kill("receive")
        if not killed:
            return


def _leave_much_to_do(node: TortureNode) -> None:
    """As receivers leave it that died in the middle: no rows of files, half files, open associations."""
    settings = node.settings
    with closing(sqlite3.connect(settings.inbox_path)) as connection, connection:
        for table in ("instance", "quarantined"):
            connection.execute(f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} LIMIT 2)")
        connection.execute("UPDATE association SET closed_at = NULL")
    for spool in (settings.spool_dir, settings.quarantine_dir):
        folder = next(path for path in spool.iterdir() if path.is_dir())
        name = hashlib.sha256(folder.name.encode()).hexdigest()
        (folder / f"{name}.dcm.part").write_bytes(b"half")
