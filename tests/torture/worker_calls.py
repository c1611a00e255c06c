"""Each system call of a worker fails, once or from then on, with each of five errors, while it makes a set of
a series and delivers it: the next worker ends what it could not, and one set is at the PACS.

strace makes them fail; the calls are those that an undisturbed worker was seen to make. In the table a call
is named with what it was for, and its errors with what became of the worker: it went on, or ended with an
error and was to be started again.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections import defaultdict
from contextlib import closing

from tests.conftest import find_tool
from tests.fixtures.strace import Call, Strace
from tests.torture.harm import CALLS, OF_A_CASE, Harm, harms_of, purpose_of
from tests.torture.one_case import OneCase
from tests.torture.run import Run

SHORT, LONG = 6, 1500
PARTS = "worker"

_MOST = 6  # calls of one name and purpose: each costs two lives of a worker

_ENDS = {0: "went on", 1: "ended"}
"""By exit codes of the worker; what has any other has crashed."""


def torment(run: Run) -> None:
    """Let `run.count` calls fail."""
    with closing(OneCase(run)) as case:
        suite = _WorkerCalls(run, case)
        harms = suite.harms()
        run.tally.figure("ways in which a call can fail", str(len(harms)))
        run.random.shuffle(harms)
        for _, harm in zip(run.rounds(), itertools.cycle(harms), strict=False):
            suite.do(harm)
        suite.tell()


class _WorkerCalls:
    def __init__(self, run: Run, case: OneCase) -> None:
        strace = find_tool("strace")
        if strace is None:
            raise FileNotFoundError("strace is not installed")
        self._strace = strace
        self._run = run
        self._case = case
        self._ends: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def harms(self) -> list[Harm]:
        """Every way in which a call can fail, as an undisturbed worker shows them."""
        code, calls = self._live(f"trace={','.join(CALLS)}")
        if code:
            raise RuntimeError(f"an undisturbed worker ended with {code}")
        return harms_of("set", calls, self._thread, OF_A_CASE, _MOST)

    def do(self, harm: Harm) -> None:
        """Let it fail, and let another worker end what is left."""
        tally = self._run.tally
        self._case.begin_anew()
        code, calls = self._live("trace=" + harm.call, harm.option)
        injected = [call for call in calls if call.is_injected]
        how = "lasting failures" if harm.lasting else "single failures"
        tally.count(how if injected else "not reached")
        if code not in _ENDS:
            tally.fault("crashed", f"{code} by {harm}")
        for purpose in {purpose_of(call, OF_A_CASE) for call in injected} - {None}:
            self._ends[f"{harm.call}: {purpose}"][harm.error].add(_ENDS.get(code, str(code)))
        if next_code := self._case.node.live_later():
            tally.fault("the next worker ended", f"{next_code} after {harm}")
        before = tally.counts.total()
        self._case.inspect()
        if tally.counts.total() != before:
            tally.fault("after", str(harm))

    def tell(self) -> None:
        """Say what became of the worker, by call, purpose and error."""
        for call, ends in sorted(self._ends.items()):
            told = (f"{error} {' or '.join(sorted(found))}" for error, found in sorted(ends.items()))
            self._run.tally.figure(call, ", ".join(told))

    def _live(self, *expressions: str) -> tuple[int, list[Call]]:
        """One life under strace; its exit code and its calls."""
        self._thread = self._case.node.begin_life()
        options = itertools.chain.from_iterable(("-e", each) for each in expressions)
        with Strace(self._strace, self._thread, self._run.folder / "trace", *options) as trace:
            os.kill(self._thread, signal.SIGCONT)
            code = self._case.node.end_life()
        return code, trace.calls()
