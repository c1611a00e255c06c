"""The worker killed before each step of a case: each system call of the outbox and each commit of its ledger.

It finds a series in the inbox and brings its set to the PACS. It dies before the first step of this, then,
with everything as it was, before the second, and so on until it lives through it; the next worker must end
what it began. Before that its ledger is lost and it does all again, and an analysis kills it each time.
"""

from __future__ import annotations

import random
import shutil
import signal

from ctsma_node.ledger.cases import CasesReader
from ctsma_node.records import SeriesState
from tests.torture.keeping_pacs import KeepingPacs
from tests.torture.node import TortureNode
from tests.torture.run import Run
from tests.torture.sets import Sets
from tests.torture.traffic import SLICES, Book, send, series

SHORT = LONG = 200
PARTS = "worker"
CATCHES = ("cursor_first", "results_first", "attempts_uncounted", "running_forgotten", "uids_drawn")
FOR_EVER = "analyses that killed their worker for ever"
_MAX_ATTEMPTS = 3
_KILLED = -signal.SIGKILL


def torment(run: Run) -> None:
    """Lose the ledger; let the analysis kill; then kill at every step, in order."""
    pacs = KeepingPacs(random.Random(run.seed), slowest_s=0.0)
    node = TortureNode(run.folder, pacs.port, run.mutant, _MAX_ATTEMPTS)
    try:
        _receive(node)
        _with_a_lost_ledger(node, pacs, run)
        _with_a_deadly_analysis(node, run)
        _at_each_step(node, pacs, run)
    finally:
        node.close()
        pacs.close()


def _receive(node: TortureNode) -> None:
    """Bring a series in, and keep the state folder as it is then."""
    node.start_receiver()
    send(node.port, series(0), Book())
    node.stop("receive")
    shutil.copytree(node.settings.node.state_dir, node.config.with_name("received"))


def _back_to_received(node: TortureNode) -> None:
    shutil.rmtree(node.settings.node.state_dir)
    shutil.copytree(node.config.with_name("received"), node.settings.node.state_dir)


def _with_a_lost_ledger(node: TortureNode, pacs: KeepingPacs, run: Run) -> None:
    """Everything is done again, and comes out the same."""
    node.live()
    for ledger in node.settings.node.state_dir.glob(f"{node.settings.ledger_path.name}*"):
        ledger.unlink()
    run.tally.count("ledgers lost")
    node.live()
    _inspect(node, pacs, run, remake=1)


def _at_each_step(node: TortureNode, pacs: KeepingPacs, run: Run) -> None:
    run.tally.count("kills at a step", 0)
    for at, _ in enumerate(run.rounds(), start=1):
        _back_to_received(node)
        pacs.forget()
        killed = node.live(at) == _KILLED
        node.live()
        _inspect(node, pacs, run)
        if not killed:
            return
        run.tally.count("kills at a step")


def _inspect(node: TortureNode, pacs: KeepingPacs, run: Run, remake: int = 0) -> None:
    sets = Sets(node.settings, pacs, run.tally)
    sets.inspect({series(0)[0].series_uid: SLICES}, remake)
    sets.close()


def _with_a_deadly_analysis(node: TortureNode, run: Run) -> None:
    """A case that kills its worker ends after the attempts that the settings allow."""
    _back_to_received(node)
    lives = next((n for n in range(2 * _MAX_ATTEMPTS) if node.live(deadly=True) != _KILLED), None)
    cases = CasesReader(node.settings.ledger_path)
    (case,) = cases.in_state()
    cases.close()
    run.tally.count("workers killed by an analysis", 2 * _MAX_ATTEMPTS if lives is None else lives)
    if lives != _MAX_ATTEMPTS or (case.state, case.code) != (SeriesState.FAILED, "worker_died"):
        run.tally.fault(FOR_EVER, f"{case.state} {case.code} after {lives}")
