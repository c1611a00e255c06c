"""What is done every so often, by the monotonic clock: whoever sets the system's clock holds up nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.schedulers.background import BackgroundScheduler

from ctsma_node import log

_SETTINGS = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
_STEP_S = 0.5


class _SteadyScheduler(BackgroundScheduler):  # type: ignore[misc]
    """APScheduler's, whose triggers know the system's clock alone: when that is set, their times move along.

    It waits by the monotonic clock, so that it looks at its jobs in time, and finds the step before them.
    """

    def __init__(self) -> None:
        super().__init__(job_defaults=_SETTINGS, timezone=UTC)
        self._offset = time.time() - time.monotonic()

    def _process_jobs(self) -> float | None:
        self._follow_the_clock()
        wait: float | None = super()._process_jobs()
        # It may have been set between the two looks at it.
        return 0.0 if self._follow_the_clock() else wait

    def _follow_the_clock(self) -> bool:
        step = time.time() - time.monotonic() - self._offset
        if abs(step) < _STEP_S:
            return False
        self._offset += step
        for job in self.get_jobs():
            job.modify(next_run_time=job.next_run_time + timedelta(seconds=step))
        return True


class Rounds:
    """Calls each of several things again and again; what one raises is logged, and its next turn comes."""

    def __init__(self) -> None:
        self._scheduler = _SteadyScheduler()

    def add(self, name: str, call: Callable[[], object], pause_s: float, *, at_once: bool = False) -> None:
        """Have `call` at once or behind the first pause, and behind every further one."""
        first = {"next_run_time": datetime.now(UTC)} if at_once else {}
        self._scheduler.add_job(partial(_turn, name, call), "interval", seconds=pause_s, id=name, **first)

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def hurry(self, name: str) -> None:
        """Have the next turn of one now."""
        self._scheduler.get_job(name).modify(next_run_time=datetime.now(UTC))

    def stop(self) -> None:
        """End behind the turns at hand."""
        self._scheduler.shutdown(wait=True)


def _turn(name: str, call: Callable[[], object]) -> None:
    try:
        call()
    except Exception:
        log.logger.error("round.failed", stage=name, exc_info=True)
