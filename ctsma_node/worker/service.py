"""The worker as a service: a warm analyser, readiness told, a drain at SIGTERM."""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Callable
from types import FrameType

from ctsma_node import __version__, log
from ctsma_node.config.settings import Settings
from ctsma_node.heartbeat import Pulse
from ctsma_node.spool import make_private
from ctsma_node.worker.loop import Worker
from ctsma_node.worker.notify import notify
from ctsma_node.worker.steps import Analyses

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
    )
    analyser.warm_up()
    return analyser


def run(settings: Settings, load: Callable[[Settings], Analyses] = load_analyser) -> None:
    """Work until SIGTERM or SIGINT; returns when everything in flight has ended.

    Raises BundleError, and LedgerError when another worker has the ledger.
    """
    started = time.monotonic()
    make_private(settings.node.state_dir)
    Pulse(settings.heartbeat_path("work")).beat("loading")
    analyser = load(settings)
    worker = Worker(settings, analyser)
    spare_the_collector()

    def stop(_: int, __: FrameType | None) -> None:
        worker.stop()

    def ready() -> None:
        seconds = round(time.monotonic() - started, 3)
        log.logger.info("worker.ready", version=__version__, bundle=analyser.digest, seconds=seconds)
        notify("READY=1")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    worker.run(ready)
    log.logger.info("worker.stopped")


def spare_the_collector() -> None:
    """Keep Python's cyclic garbage collector off what stays: modules, networks, tables of the standard.

    A report is some 100,000 objects, nearly all freed by their reference counts. At the default threshold of
    700 the collector walks through all the others several times while one is made: a quarter of the step.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
