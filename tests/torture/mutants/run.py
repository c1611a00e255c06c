"""Run a receiver or a worker in this process, as its command does, or a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ctsma_node import log
from ctsma_node.config import load


def run_receiver(config: Path, mutant: str | None = None, ready: Callable[[], None] = lambda: None) -> None:
    """Receive until a signal ends it; `ready` is called once it listens and has adopted what it found."""
    from ctsma_node.receive.server import Receiver
    from ctsma_node.receive.service import run
    from tests.torture.mutants.receivers import MUTANTS

    settings = load(config)
    log.configure(settings.log.level)
    if mutant is not None:
        MUTANTS[mutant]()

    def started(receiver: Receiver) -> None:
        receiver._adopter.join()
        ready()

    run(settings, started, lambda: load(config))


def run_worker(config: Path, mutant: str | None = None) -> None:
    """Work until a signal ends it; what is analysed gets the result of the stand-in."""
    from ctsma_node.worker.service import run
    from tests.torture.mutants.workers import MUTANTS
    from tests.torture.stand_in import StandIn

    settings = load(config)
    log.configure(settings.log.level)
    if mutant is not None:
        MUTANTS[mutant]()
    run(settings, lambda _: StandIn(), lambda: load(config))
