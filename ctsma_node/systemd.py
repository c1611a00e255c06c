"""Tells systemd how the service is (sd_notify(3)) and takes its sockets (sd_listen_fds(3)), where it asks."""

from __future__ import annotations

import os
import socket

_FIRST = 3  # SD_LISTEN_FDS_START


def notify(state: str) -> None:
    """Send a state such as "READY=1", "WATCHDOG=1" or "STOPPING=1"."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifier:
        notifier.connect(address)
        notifier.sendall(state.encode())


def inherited(port: int) -> socket.socket | None:
    """A TCP socket that systemd listens on at that port for this process, or None.

    So the service needs no right to open a port below 1024. Each call makes a socket of its own.
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    for descriptor in range(_FIRST, _FIRST + int(os.environ.get("LISTEN_FDS", "0"))):
        found = socket.socket(fileno=os.dup(descriptor))
        is_tcp = found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM
        if is_tcp and found.getsockname()[1] == port:
            return found
        found.close()
    return None
