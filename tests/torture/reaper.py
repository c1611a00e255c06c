"""Kills its own process before the n-th step of the write path, whatever that step is.

A step is a call into C that others can see the effect of: a system call on a file, the end of a transaction,
bytes for a socket. Python tells a profile function of each such call, so no code is changed for it.
"""

from __future__ import annotations

import inspect
import os
import posix
import signal
import sqlite3
import sys
import threading
from dataclasses import dataclass
from socket import socket
from types import FrameType
from typing import Any

from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider

from ctsma_node.ledger.sqlite import Writer

_ON_FILES = frozenset(
    (posix.open, posix.write, posix.fsync, posix.close, posix.rename, posix.unlink, posix.rmdir)
)


_TRANSACTION = inspect.unwrap(Writer.transaction).__code__


@dataclass
class Reaper:
    """Counts the steps from when it is armed."""

    at: int  # which step is not done any more, from 1
    in_recovery: bool = False  # else in an association
    _count: int = 0

    def arm_this_thread(self) -> None:
        """Count the steps of this thread."""
        sys.setprofile(self._on_call)

    def arm_recovery(self) -> None:
        """Count the steps of this thread, and of the one that adopts files."""
        self.arm_this_thread()
        threading.setprofile(self._on_adopting_call)

    def arm_associations(self) -> None:
        """Count the steps of associations that are opened from now on, and nobody else's."""
        threading.setprofile(self._on_association_call)

    def disarm(self) -> None:
        """Count nothing more of this thread, or of threads that are yet to start."""
        sys.setprofile(None)
        threading.setprofile(None)

    def _on_association_call(self, frame: FrameType, event: str, called: Any) -> None:
        if isinstance(threading.current_thread(), Association | DULServiceProvider):
            self._on_call(frame, event, called)

    def _on_adopting_call(self, frame: FrameType, event: str, called: Any) -> None:
        if threading.current_thread().name == "adopt":
            self._on_call(frame, event, called)

    def _on_call(self, frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and _is_step(frame, called):
            self._count += 1
            if self._count == self.at:
                os.kill(os.getpid(), signal.SIGKILL)


def _is_step(frame: FrameType, called: Any) -> bool:
    if called in _ON_FILES:
        return True
    if called.__name__ == "send":
        return isinstance(called.__self__, socket)
    return called.__name__ == "execute" and _ends_transaction(frame, called.__self__)


def _ends_transaction(frame: FrameType, connection: object) -> bool:
    """Whether this is the COMMIT (or ROLLBACK) of a `Writer.transaction`."""
    inside = isinstance(connection, sqlite3.Connection) and connection.in_transaction
    return inside and frame.f_code is _TRANSACTION
