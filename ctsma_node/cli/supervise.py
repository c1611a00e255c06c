"""Processes that live and end together."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping
from types import FrameType

from ctsma_node import log

_POLL_S = 0.1
_DRAIN_S = 150.0
"""How long a process may take to end what it is doing before it is killed."""

_AGAIN_S = 1.0
_MOST_DEATHS, _WINDOW_S = 10, 3600.0
"""How often in a while a process is started again; a case is given up after a few attempts."""

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def supervise(
    commands: Mapping[str, list[str]], beside: Collection[str] = (), again: Collection[str] = ()
) -> int:
    """Run the commands until SIGTERM or SIGINT, or until one of them ends; then stop the others.

    One of those named in `beside` may end by itself: the others go on without it, and the log says so.
    One of those in `again` is started anew where a signal ended it, as a crash in a library does, or a lack
    of memory: a series that does this to the worker must not stop the receiver. Else nothing is started
    again here: that is for whoever started this, who can also see that it happens too often.
    SIGHUP is passed on to all: each reads its settings again.
    Returns the exit code: 0 after a stop that was asked for and went well, else 1.
    """
    asked: list[int] = []

    def ask(number: int, _: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    processes = {name: _start(command) for name, command in commands.items()}

    def pass_on(number: int, _: FrameType | None) -> None:
        for process in processes.values():
            if process.poll() is None:
                process.send_signal(number)

    signal.signal(signal.SIGHUP, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # and of one that came meanwhile
    dead, crashes = set[str](), list[float]()
    while not asked and not dead - set(beside):
        time.sleep(_POLL_S)
        for name in [name for name, process in processes.items() if process.poll() is not None]:
            code = processes.pop(name).returncode
            log.logger.error("process.died", stage=name, exit_code=code)
            if name in again and code < 0 and _are_few(crashes):
                time.sleep(_AGAIN_S)
                processes[name] = _start(commands[name])
            else:
                dead.add(name)
    if asked:
        log.logger.info("serve.stopping", signal=signal.Signals(asked[0]).name)
    ended_well = [_stop(name, process) for name, process in processes.items()]
    return 0 if asked and all(ended_well) else 1


def _are_few(crashes: list[float]) -> bool:
    """Count one more crash; say whether there were few enough of them in the last while."""
    now = time.monotonic()
    crashes[:] = [*(at for at in crashes if now - at < _WINDOW_S), now]
    return len(crashes) <= _MOST_DEATHS


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    # Not this process's notification socket: each process would speak for the whole.
    environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches this process alone, which passes it on
        preexec_fn=_prepare,
    )


def _prepare() -> None:
    """Let a reload that comes before the process hears of them pass, and nobody be left behind.

    The kernel sends SIGTERM when this process's parent is killed (prctl(2)).
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # a mask outlives exec
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(name: str, process: subprocess.Popen[bytes]) -> bool:
    """End a process and say whether it ended well."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_DRAIN_S)
        except subprocess.TimeoutExpired:
            log.logger.error("process.killed", stage=name)
            process.kill()
            process.wait()
    return process.returncode == 0
