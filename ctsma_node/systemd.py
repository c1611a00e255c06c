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
    taken: socket.socket | None = None
    for found in _sockets():
        if taken is None and found.getsockname()[1] == port:
            taken = found
        else:
            found.close()
    return taken


def inherited_ports() -> frozenset[int]:
    """The ports that systemd listens on for this process: who calls there waits until somebody accepts."""
    ports = set()
    for found in _sockets():
        ports.add(int(found.getsockname()[1]))
        found.close()
    return frozenset(ports)


def _sockets() -> list[socket.socket]:
    """The TCP sockets that were handed to this process, each as a new one."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    found = [socket.socket(fileno=os.dup(_FIRST + n)) for n in range(count)]
    is_tcp = [s.family in (socket.AF_INET, socket.AF_INET6) and s.type == socket.SOCK_STREAM for s in found]
    for each, fits in zip(found, is_tcp, strict=True):
        if not fits:
            each.close()
    return [each for each, fits in zip(found, is_tcp, strict=True) if fits]
