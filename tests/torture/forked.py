"""What runs in the processes that are forked for a torture node."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Connection
from pathlib import Path

from tests.torture.life import Deadly, live
from tests.torture.mutants.run import run_receiver, run_worker
from tests.torture.reaper import Reaper
from tests.torture.stand_in import StandIn


def _begin(config: Path) -> None:
    """Log into the node's file, and do not outlive who started this."""
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    descriptor = os.open(config.with_name("node.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)


def receive(config: Path, mutant: str | None, ready: Connection, reaper: Reaper | None) -> None:
    """A receiver; says when it listens."""
    _begin(config)
    if reaper is not None and reaper.in_recovery:
        reaper.arm_recovery()

    def listening() -> None:
        if reaper is not None:
            reaper.disarm()
        if reaper is not None and not reaper.in_recovery:
            reaper.arm_associations()
        ready.send(None)

    run_receiver(config, mutant, listening)


def work(config: Path, mutant: str | None, _: Connection, __: Reaper | None) -> None:
    """A worker."""
    _begin(config)
    run_worker(config, mutant)


def life(config: Path, mutant: str | None, _: Connection, reaper: Reaper | None) -> None:
    """One life of a worker."""
    _begin(config)
    live(config, mutant, reaper, StandIn())


def stopped_life(config: Path, mutant: str | None, ready: Connection, reaper: Reaper | None) -> None:
    """The same, once it is told to go on."""
    _begin(config)
    ready.send(None)
    os.kill(os.getpid(), signal.SIGSTOP)
    live(config, mutant, reaper, StandIn())


def later_life(config: Path, mutant: str | None, _: Connection, reaper: Reaper | None) -> None:
    """The same an hour on."""
    _begin(config)
    live(config, mutant, reaper, StandIn(), later_s=3600.0)


def deadly_life(config: Path, mutant: str | None, _: Connection, reaper: Reaper | None) -> None:
    """The same with an analysis that kills it."""
    _begin(config)
    live(config, mutant, reaper, Deadly())
