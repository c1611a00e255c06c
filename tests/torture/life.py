"""One life of a worker in a single thread: all there is to do, in the same order each time."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ctsma_node import log
from ctsma_node.analysis.result import AnalysisResult
from ctsma_node.config import load
from ctsma_node.records import END_STATES
from ctsma_node.worker.loop import Worker
from tests.torture.mutants.workers import MUTANTS
from tests.torture.reaper import Reaper
from tests.torture.stand_in import StandIn

_MOST_TURNS = 8
_LATER_S = 60.0  # its clock is behind all quiet times


class Deadly(StandIn):
    """Kills its process, as a segmentation fault in a library does."""

    def analyse(self, *_: object, **__: object) -> AnalysisResult:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("it lives")


def live(
    config: Path, mutant: str | None, reaper: Reaper | None, analyser: StandIn, later_s: float = _LATER_S
) -> None:
    """Recover, then take over, work and deliver until every case has ended."""
    settings = load(config, {})
    log.configure(settings.log.level)
    if mutant is not None:
        MUTANTS[mutant]()
    if reaper is not None:
        reaper.arm_this_thread()
    worker = Worker(settings, analyser, lambda: time.time() + later_s)
    worker.recover()
    for _ in range(_MOST_TURNS):
        worker.sweep()
        while worker.work_once():
            pass
        for courier in worker._couriers:
            courier.deliver_due()
        if all(case.state in END_STATES for case in worker._cases.in_state()):
            break
    worker.close()
