"""The worker as a service: a warm analyser, new settings at SIGHUP, a drain at SIGTERM."""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Callable
from types import FrameType

from ctsma_node import __version__, log
from ctsma_node.clock import ClockWatch
from ctsma_node.config.reload import reloaded
from ctsma_node.config.settings import Settings
from ctsma_node.errors import NodeError
from ctsma_node.heartbeat import Pulse
from ctsma_node.spool import make_private
from ctsma_node.systemd import notify
from ctsma_node.worker.loop import Worker
from ctsma_node.worker.steps import Analyses

FIXED = ("node", "analysis")
"""Sections that hold from start to end: the folder and its name, and the bundle that is loaded."""

_COLLECT_AFTER = 50_000
"""New objects that can refer to others, less those freed, between two collections."""


def load_analyser(settings: Settings) -> Analyses:
    """The bundle on its device, run once: the first series does not wait for it. Raises BundleError."""
    # Imported here: torch takes seconds to load, and whoever brings an analyser of its own does not need it.
    from ctsma_node.analysis.predict import Analyser

    chosen = settings.analysis
    analyser = Analyser.load(
        chosen.bundle_folder,
        chosen.device,
        chosen.threads or None,
        chosen.signer,
        chosen.refuse_unfamiliar,
        chosen.gpu_memory_fraction,
    )
    analyser.warm_up()
    return analyser


def run(
    settings: Settings,
    load: Callable[[Settings], Analyses] = load_analyser,
    read_again: Callable[[], Settings] | None = None,
) -> None:
    """Work until SIGTERM or SIGINT; returns when everything in flight has ended.

    At SIGHUP the step at hand and the instances on their way are ended, and a new worker goes on, with the
    settings that `read_again` gives and the bundle that is loaded.
    Raises BundleError, and LedgerError when another worker has the ledger.
    """
    started = time.monotonic()
    make_private(settings.node.state_dir)
    Pulse(settings.heartbeat_path("work")).beat("loading")
    analyser = load(settings)
    asked = _Asked(Worker(settings, analyser))
    spare_the_collector()

    def ready() -> None:
        seconds = round(time.monotonic() - started, 3)
        log.logger.info("worker.ready", version=__version__, bundle=analyser.digest, seconds=seconds)
        notify("READY=1")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked.stop)
    if read_again is not None:
        signal.signal(signal.SIGHUP, asked.reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # and of one that came meanwhile
    asked.worker.run(ready)
    while not asked.stopping and read_again is not None:
        asked.again = False
        watch = asked.worker.clock_watch
        settings, worker = _next_worker(settings, read_again, analyser, watch)
        asked.take(worker)
        worker.run()
    log.logger.info("worker.stopped")


class _Asked:
    """What signals asked for, and the worker that they stop."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.stopping = self.again = False

    def stop(self, _: int, __: FrameType | None) -> None:
        self.stopping = True
        notify("STOPPING=1")
        self.worker.stop()

    def reload(self, _: int, __: FrameType | None) -> None:
        self.again = True
        self.worker.stop()

    def take(self, worker: Worker) -> None:
        self.worker = worker
        if self.stopping or self.again:  # asked of the worker before
            worker.stop()


def _next_worker(
    settings: Settings, read_again: Callable[[], Settings], analyser: Analyses, watch: ClockWatch
) -> tuple[Settings, Worker]:
    """The worker that goes on; a file that cannot be used changes nothing."""
    try:
        found = reloaded(settings, read_again(), FIXED, Settings.model_fields)
        worker = Worker(found.settings, analyser, clock_watch=watch)
    except NodeError as error:
        log.logger.error("settings.invalid", reason=str(error))
        return settings, Worker(settings, analyser, clock_watch=watch)
    log.configure(found.settings.log.level)
    log.logger.info("settings.reloaded", sections=", ".join(found.taken))
    if found.waiting:
        log.logger.warning("settings.need_restart", sections=", ".join(found.waiting))
    return found.settings, worker


def spare_the_collector() -> None:
    """Keep Python's cyclic garbage collector off what stays: modules, networks, tables of the standard.

    A report is some 100,000 objects, nearly all freed by their reference counts. At the default threshold of
    700 the collector walks through all the others several times while one is made: a quarter of the step.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
