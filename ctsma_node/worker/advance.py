"""Claim a case, run its step, move it: the one place where an exception becomes a state."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ctsma_node import log
from ctsma_node.deliver import RetrySchedule
from ctsma_node.errors import Deferred, InvalidResult, NodeError, Refused
from ctsma_node.ledger.cases import AttemptsExhausted, Cases, Fact
from ctsma_node.records import Case, SeriesState

ATTEMPTS = RetrySchedule(first_s=15.0, factor=12.0, max_s=900.0)
"""Between two attempts at a step: about 15 s, 3 min, then 15 min; a full disk needs a person to see it."""


def advance(
    cases: Cases,
    case_id: int,
    step: Callable[[Case], SeriesState],
    max_attempts: int,
    clock: Callable[[], float] = time.time,
    facts: Callable[[], Mapping[str, Fact]] = dict,
) -> Case:
    """Run the next step of a case and return the case as it stands then.

    `Refused` ends it with its code, `InvalidResult` as failed; `Deferred` leaves it for later. Any other
    exception gives it back to be tried again, and ends it as failed at the last attempt. Attempts are counted
    before the step runs: one that kills the process ends.
    `facts` tells, behind a step, what the history is to keep of it.
    """
    try:
        case = cases.claim(case_id)
    except AttemptsExhausted:
        return _end(cases, cases.get(case_id), SeriesState.FAILED, "worker_died", _died(max_attempts))
    started = clock()
    try:
        following = step(case)
    except Refused as error:
        return _end(cases, case, SeriesState.REFUSED, error.code, error.reason)
    except InvalidResult as error:
        return _end(cases, case, SeriesState.FAILED, error.code, error.reason)
    except Deferred as later:
        _log("case.deferred", case, case.state, code=later.code, reason=later.reason)
        return cases.release(case.id, later.due_at, later.code, later.reason, counted=False)
    except Exception as error:  # whatever it was, the case goes on or ends with it
        return _failed_attempt(cases, case, error, max_attempts, clock())
    seconds = round(clock() - started, 3)
    kept: dict[str, Any] = {**facts(), "seconds": seconds}
    moved = cases.move(case_id, following, **kept)
    _log("case.moved", case, moved.state, seconds=seconds)
    return moved


def _failed_attempt(cases: Cases, case: Case, error: Exception, max_attempts: int, now: float) -> Case:
    code, reason = _why(error)
    log.logger.warning(
        "case.attempt_failed",
        series=case.series_uid,
        case=case.id,
        attempt=case.attempts,
        **log.describe(error),
    )
    if case.attempts >= max_attempts:
        return _end(
            cases, case, SeriesState.FAILED, code, f"{reason} Given up after {case.attempts} attempts."
        )
    due_at = now + ATTEMPTS.delay_s(case.attempts, str(case.id))
    return cases.release(case.id, due_at, code, reason)


def _why(error: Exception) -> tuple[str, str]:
    """Code and sentence of what was not foreseen; texts that are not our own may quote a header."""
    if isinstance(error, NodeError):
        return "transient", str(error)
    if isinstance(error, OSError):
        return "io_error", f"A file could not be read or written ({error.strerror or type(error).__name__})."
    if isinstance(error, MemoryError):
        return "out_of_memory", "There was not enough memory for this series."
    return "internal_error", f"The node's own error, {type(error).__name__}; the log says where."


def _died(attempts: int) -> str:
    return (
        f"The worker ended {attempts} times while it worked on this series (memory? the system's log says)."
    )


def _end(cases: Cases, case: Case, state: SeriesState, code: str, reason: str) -> Case:
    ended = cases.move(case.id, state, code=code, reason=reason)
    _log("case.ended", case, state, code=code, reason=reason)
    return ended


def _log(action: str, case: Case, to: SeriesState, **fields: object) -> None:
    log.logger.info(
        action,
        series=case.series_uid,
        case=case.id,
        revision=case.revision,
        from_state=case.state.value,
        to_state=to.value,
        **fields,
    )
