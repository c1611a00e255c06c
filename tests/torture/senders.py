"""Two senders at once, instance by instance: the same bytes, other bytes under the same UIDs, mixed series.

Each waits for the other before each instance, so that the two requests are in the receiver together. What
came first is kept, what came second is in quarantine and the log tells of it, and each series has one set.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from threading import Barrier, BrokenBarrierError

from tests.torture.holdings import Holdings
from tests.torture.journal import Journal
from tests.torture.keeping_pacs import KeepingPacs
from tests.torture.node import TortureNode
from tests.torture.run import Run
from tests.torture.sets import Sets
from tests.torture.traffic import SLICES, Book, Sender, Sent, interleaved, series

SHORT, LONG = 8, 200
PARTS = "receiver"
CATCHES = ("last_kept", "no_locks")
UNANSWERED = "instances without an answer of success"
UNTOLD = "set aside without an event in the log"
_TOGETHER_S = 60.0


def torment(run: Run) -> None:
    """Send in pairs; look after each pair, and at the sets in the end."""
    pacs = KeepingPacs(Random(run.seed), slowest_s=0.0)
    node = TortureNode(run.folder, pacs.port, run.mutant)
    book = Book()
    holdings, journal = Holdings(node.settings, book, run.tally), Journal(node, run.tally)
    sets = Sets(node.settings, pacs, run.tally)
    run.tally.count(UNANSWERED, 0)
    try:
        node.start_receiver()
        node.start_worker()
        for n in run.rounds():
            kind, parts = _parts(run, n)
            run.tally.count(f"pairs: {kind}")
            _send_together(node, parts, book)
            for uid in {each.sop_instance_uid for part in parts for each in part} - set(book.kept):
                run.tally.fault(UNANSWERED, uid)
            holdings.inspect()
        expected = dict.fromkeys({sent.series_uid for sent in book.kept.values()}, SLICES)
        sets.wait(expected, 0.0 if run.tally.faults else 120.0)
        sets.inspect(expected)
        holdings.inspect(again=True)
        journal.tell(book)
        untold = len(book.set_aside) - journal.count("instance.conflict")
        if untold > 0:
            run.tally.fault(UNTOLD, str(untold))
    finally:
        node.close()
        sets.close()
        pacs.close()


def _parts(run: Run, number: int) -> tuple[str, tuple[list[Sent], list[Sent]]]:
    """What each of the two sends."""
    first, second = series(2 * number), series(2 * number + 1)
    kind = ("the same", "other bytes at once", "other bytes later", "two series mixed")[number % 4]
    if kind == "the same":
        return kind, (first, first)
    if kind == "two series mixed":
        return kind, (interleaved(first, second, run.random), interleaved(second, first, run.random))
    others = [each.with_other_bytes() for each in first]
    if kind == "other bytes at once":
        return kind, (first, others)
    middle = SLICES // 2  # each sends a half first, and the other's half with other bytes then
    return kind, (first[:middle] + others[middle:], first[middle:] + others[:middle])


def _send_together(node: TortureNode, parts: Iterable[list[Sent]], book: Book) -> None:
    barrier = Barrier(2)

    def before_each() -> None:
        try:
            barrier.wait(_TOGETHER_S)
        except BrokenBarrierError:
            raise OSError("the other one is gone") from None

    senders = [Sender(node.port, part, book, before_each) for part in parts]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
