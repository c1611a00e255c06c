"""Each system call of a store fails, once or from then on, with each of five errors: the answer is A700, or
Success where the instance is kept all the same; nothing is left behind, and the next store succeeds.

strace makes them fail; the calls are those that an undisturbed store was seen to make. In the table a call is
named with what it was for, and its errors with the answers that they led to.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from ctsma_node.ledger.inbox import InboxReader
from tests.conftest import find_tool
from tests.fixtures.encoded import changed, ct_slice, encoded
from tests.fixtures.strace import Call, Strace
from tests.torture.harm import CALLS, OF_A_STORE, Harm, harms_of, purpose_of
from tests.torture.holdings import Holdings
from tests.torture.leavings import WHOLE, in_quarantine, in_spool
from tests.torture.node import TortureNode
from tests.torture.run import Run
from tests.torture.traffic import Book, Sent, send

SHORT, LONG = 25, 1100
PARTS = "receiver"
CATCHES = ("no_part_file",)
TRIES = CATCHES
"""Other mutants write behind the answer: an undisturbed store does not show which calls could fail."""

_KINDS = ("new", "long", "conflict")
"""What is stored: a slice, one that is too long for memory, other bytes under a UID that is taken."""
_LONG = 2100  # pixels a side: 8.8 MB
_MOST = 24  # calls of one name and purpose
_SUCCESS, _OUT_OF_RESOURCES = 0x0000, 0xA700
_ROOT = "1.2.826.0.1.3680043.2.1125.8"
_SETTLE_S = 30.0


def torment(run: Run) -> None:
    """Let `run.count` calls fail."""
    suite = _SystemCalls(run)
    try:
        harms = suite.harms()
        run.tally.figure("ways in which a call can fail", str(len(harms)))
        run.random.shuffle(harms)
        for number, harm in zip(run.rounds(), itertools.cycle(harms), strict=False):
            suite.do(number + 1, harm)
        suite.end()
    finally:
        suite.close()


class _SystemCalls:
    def __init__(self, run: Run) -> None:
        strace = find_tool("strace")
        if strace is None:
            raise FileNotFoundError("strace is not installed")
        self._strace = strace
        self._run = run
        self._node = TortureNode(run.folder, pacs_port=104, mutant=run.mutant)
        self._book = Book()
        self._holdings = Holdings(self._node.settings, self._book, run.tally)
        self._node.start_receiver()
        self._answers: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._unclosed = 0  # descriptors that strace, in making it fail, has kept from being closed
        self._exchange(
            _sent(f"{_ROOT}.0.0", "new")
        )  # what is opened at first use counts as there from the start
        self._descriptors = self._open_descriptors()

    def harms(self) -> list[Harm]:
        """Every way in which a call of a store can fail, as undisturbed ones show them."""
        found: list[Harm] = []
        for number, kind in enumerate(_KINDS):
            sent = self._prepared(f"{_ROOT}.0.{number + 1}", kind)
            with self._traced(f"trace={','.join(CALLS)}") as trace:
                self._exchange(sent)
                calls = trace.calls()
                (thread,) = {call.thread for call in calls if call.is_of("openat", ".dcm")}
                found += harms_of(kind, calls, thread, OF_A_STORE, _MOST)
        return found

    def do(self, number: int, harm: Harm) -> None:
        """Let it fail, look at what came of it, and see that the receiver goes on."""
        since = self._node.log.stat().st_size
        sent = self._prepared(f"{_ROOT}.{number}", harm.kind)
        with self._traced("trace=" + harm.call, harm.option) as trace:
            status = self._exchange(sent)
        injected = [call for call in trace.calls() if call.is_injected]  # up to the end of the association
        self._unclosed += sum(call.name == "close" for call in injected)
        self._note(harm, sent, status, injected)
        after = self._exchange(_sent(f"{sent.series_uid}.9", "new"))
        if after != _SUCCESS:
            self._run.tally.fault("does not go on", f"{_hex(after)} behind {harm}")
        if b'"thread.died"' in self._node.log.read_bytes()[since:]:
            self._run.tally.fault("thread died", str(harm))

    def end(self) -> None:
        """Look at what is open, then kill, recover, and look at everything once more."""
        tally, deadline = self._run.tally, time.monotonic() + _SETTLE_S
        while self._left_open() and time.monotonic() < deadline:
            time.sleep(0.1)
        for left in self._left_open():
            tally.fault("left open", left)
        self._node.kill("receive")
        self._node.start_receiver()
        self._holdings.inspect()
        tally.count("instances acknowledged", len(self._book.kept))
        for call, answers in sorted(self._answers.items()):
            told = (f"{error} {' or '.join(sorted(found))}" for error, found in sorted(answers.items()))
            tally.figure(call, ", ".join(told))

    def close(self) -> None:
        """Kill what runs."""
        self._node.close()

    def _note(self, harm: Harm, sent: Sent, status: int | None, injected: list[Call]) -> None:
        tally = self._run.tally
        if not injected:
            tally.count("not reached")
            return
        if any(purpose_of(call, OF_A_STORE) is None for call in injected):  # an eventfd: no disk fails that
            tally.count("not the disk's")
            return
        tally.count("lasting failures" if harm.lasting else "single failures")
        for purpose in {purpose_of(call, OF_A_STORE) for call in injected} - {None}:
            self._answers[f"{harm.call}: {purpose}"][harm.error].add(_hex(status))
        if harm.kind == "conflict":
            there = in_quarantine(self._node.settings, sent.dataset)
        else:
            there = in_spool(self._node.settings, sent.sop_instance_uid, sent.dataset)
        if status == _SUCCESS:
            tally.count("stored all the same")
            if there != WHOLE:
                tally.fault("acknowledged and not there", f"{there} of {harm}")
        elif status == _OUT_OF_RESOURCES:
            tally.count("answered A700")
            if there:
                tally.fault("left behind", f"{there} of {harm}")
        else:
            tally.fault("other answer", f"{_hex(status)} to {harm}")

    def _prepared(self, series: str, kind: str) -> Sent:
        """The instance to send; where it is to conflict, the one before it is sent."""
        if kind == "conflict":
            self._exchange(_sent(series, "new"))
        return _sent(series, kind)

    def _exchange(self, sent: Sent) -> int | None:
        """One association with one store; None where that was not answered."""
        answers: list[int] = []
        try:
            send(self._node.port, [sent], self._book, answers.append)
        except OSError:
            return None
        return answers[0]

    def _traced(self, *expressions: str) -> Strace:
        options = itertools.chain.from_iterable(("-e", each) for each in expressions)
        return Strace(self._strace, self._node.pid("receive"), self._run.folder / "trace", *options)

    def _left_open(self) -> list[str]:
        with closing(InboxReader(self._node.settings.inbox_path)) as inbox:
            left = [f"association {each}" for each in inbox.open_associations()]
        more = self._open_descriptors() - self._descriptors - self._unclosed
        return [*left, f"{more} descriptors"] if more > 0 else left

    def _open_descriptors(self) -> int:
        return len(list(Path(f"/proc/{self._node.pid('receive')}/fd").iterdir()))


def _sent(series: str, kind: str) -> Sent:
    ds = ct_slice(1, series, _LONG if kind == "long" else 16)
    return Sent(
        f"{series}.1", series, encoded(changed(ds, PatientID="ANOTHER") if kind == "conflict" else ds)
    )


def _hex(status: int | None) -> str:
    return "none" if status is None else f"{status:04X}"
