"""Wakes a thread that waits for a peer: there is something to send."""

from __future__ import annotations

import os
import select
import socket
from contextlib import suppress
from threading import Lock


class Bell:
    """An eventfd(2) beside a socket: whoever waits for the one hears the other."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def ring(self) -> None:
        """End the wait, or the next one; any thread may ring, and nothing happens once it is taken down."""
        with self._lock:
            if self._descriptor >= 0:
                os.eventfd_write(self._descriptor, 1)

    def wait(self, connection: socket.socket, seconds: float) -> bool:
        """Wait until a peer has sent something or closed, which is True, or until the bell rings.

        Only the thread that takes the bell down may wait. Raises ValueError where the connection is closed.
        """
        poll = select.poll()  # select() knows no descriptors from 1024 on
        poll.register(connection, select.POLLIN)
        poll.register(self._descriptor, select.POLLIN)
        found = {descriptor for descriptor, _ in poll.poll(1000 * seconds)}
        if self._descriptor in found:
            with suppress(BlockingIOError):
                os.eventfd_read(self._descriptor)
        return bool(found - {self._descriptor})

    def take_down(self) -> None:
        """Close it."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                with suppress(OSError):
                    os.close(descriptor)

    def __del__(self) -> None:
        self.take_down()
