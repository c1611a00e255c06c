"""The receiver as a service: says that it lives, reads its settings again at SIGHUP, drains at SIGTERM."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

from ctsma_node import log
from ctsma_node.config import Settings
from ctsma_node.config.reload import reloaded
from ctsma_node.errors import NodeError
from ctsma_node.receive.server import Receiver
from ctsma_node.rounds import Rounds
from ctsma_node.systemd import notify

FIXED = ("node", "limits", "tls")
"""Sections that hold from start to end: the port and the folder, and the limits of the server on it."""

_USED = (*FIXED, "sources", "destinations", "retention", "audit", "log")
_WATCHDOG_S = 10.0
_PURGE_S = 3600.0
_RELEASE_S = 1.0


def run(
    settings: Settings,
    ready: Callable[[Receiver], None] | None = None,
    read_again: Callable[[], Settings] | None = None,
) -> None:
    """Receive until SIGTERM or SIGINT, then stop gracefully; `ready` is called once it listens.

    At SIGHUP `read_again` gives the settings as the file has them now.
    """
    # Whether to stop. A handler may put while the loop below is about to wait: an Event would be locked then.
    asked: SimpleQueue[bool] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.put(True))
    if read_again is not None:
        signal.signal(signal.SIGHUP, lambda *_: asked.put(False))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # and of one that came meanwhile
    receiver = Receiver(settings)
    receiver.start()
    gc.freeze()  # modules and tables stay: the collector need not look at them again and again
    rounds = _rounds(receiver)
    rounds.start()
    notify("READY=1")
    if ready is not None:
        ready(receiver)
    while not asked.get():
        if read_again is not None:
            _reload(receiver, read_again)
            rounds.hurry("purge")
    notify("STOPPING=1")
    rounds.stop()
    receiver.stop()


def _rounds(receiver: Receiver) -> Rounds:
    rounds = Rounds()
    rounds.add("watchdog", partial(_watch, receiver), _WATCHDOG_S)
    rounds.add("purge", partial(_purge, receiver), _PURGE_S, at_once=True)
    rounds.add("release", receiver.release, _RELEASE_S, at_once=True)
    return rounds


def _watch(receiver: Receiver) -> None:
    """Feed the watchdog while connections are taken, and the inbox and its disk answer."""
    if receiver.is_alive():
        notify("WATCHDOG=1")
    else:
        log.logger.error("receive.stalled")


def _purge(receiver: Receiver) -> None:
    try:
        receiver.purge()
    except Exception:  # the worker's file may be busy or of another version: the next one comes in an hour
        log.logger.error("purge.failed", exc_info=True)


def _reload(receiver: Receiver, read_again: Callable[[], Settings]) -> None:
    """Take over what may change; a file that cannot be used changes nothing."""
    try:
        found = reloaded(receiver.settings, read_again(), FIXED, _USED)
    except NodeError as error:
        log.logger.error("settings.invalid", reason=str(error))
        return
    receiver.reload(found.settings)
    log.configure(found.settings.log.level)
    log.logger.info("settings.reloaded", sections=", ".join(found.taken))
    if found.waiting:
        log.logger.warning("settings.need_restart", sections=", ".join(found.waiting))
