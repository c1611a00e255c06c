"""The worker killed before each step of a case: each system call of the outbox and each commit of its ledger.

It finds a series in the inbox and brings its set to the PACS. It dies before the first step of this, then,
with everything as it was, before the second, and so on until it lives through it; the next worker must end
what it began. Before that its ledger is lost and it does all again, and an analysis kills it each time.
"""

from __future__ import annotations

import signal
from contextlib import closing

from ctsma_node.ledger.cases import CasesReader
from ctsma_node.records import SeriesState
from tests.torture.one_case import OneCase
from tests.torture.run import Run

SHORT = LONG = 200
PARTS = "worker"
CATCHES = ("cursor_first", "results_first", "attempts_uncounted", "running_forgotten", "uids_drawn")
FOR_EVER = "analyses that killed their worker for ever"
_MAX_ATTEMPTS = 3
_KILLED = -signal.SIGKILL


def torment(run: Run) -> None:
    """Lose the ledger; let the analysis kill; then kill at every step, in order."""
    with closing(OneCase(run, _MAX_ATTEMPTS)) as case:
        _with_a_lost_ledger(case, run)
        _with_a_deadly_analysis(case, run)
        _at_each_step(case, run)


def _with_a_lost_ledger(case: OneCase, run: Run) -> None:
    """Everything is done again, and comes out the same."""
    settings = case.node.settings
    case.node.live()
    for ledger in settings.node.state_dir.glob(f"{settings.ledger_path.name}*"):
        ledger.unlink()
    run.tally.count("ledgers lost")
    case.node.live()
    case.inspect(remake=1)


def _at_each_step(case: OneCase, run: Run) -> None:
    run.tally.count("kills at a step", 0)
    for at, _ in enumerate(run.rounds(), start=1):
        case.begin_anew()
        killed = case.node.live(at) == _KILLED
        case.node.live()
        case.inspect()
        if not killed:
            return
        run.tally.count("kills at a step")


def _with_a_deadly_analysis(case: OneCase, run: Run) -> None:
    """A case that kills its worker ends after the attempts that the settings allow."""
    case.begin_anew()
    lives = next((n for n in range(2 * _MAX_ATTEMPTS) if case.node.live(deadly=True) != _KILLED), None)
    with closing(CasesReader(case.node.settings.ledger_path)) as cases:
        (found,) = cases.in_state()
    run.tally.count("workers killed by an analysis", 2 * _MAX_ATTEMPTS if lives is None else lives)
    if lives != _MAX_ATTEMPTS or (found.state, found.code) != (SeriesState.FAILED, "worker_died"):
        run.tally.fault(FOR_EVER, f"{found.state} {found.code} after {lives}")
