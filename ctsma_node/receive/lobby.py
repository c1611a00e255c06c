"""Where connections wait until they have asked for an association: they cost a socket each, and no thread.

One thread does the TLS handshakes and reads the A-ASSOCIATE-RQ PDUs of all of them. A peer that says nothing,
stops in the middle or sends byte by byte is let go at its deadline; one that opens more and more connections
loses its own oldest ones.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from ctsma_node.receive.guest import Guest, Step
from ctsma_node.receive.peers import Rejection

_MOST = 256
"""Connections that wait at once, and how many of them from one address."""
_MOST_OF_ONE = 64
_MOST_BYTES = 16 << 20
_TICK_S = 0.25
_TOLD = frozenset({"not_dicom", "pdu_too_long", "tls_on_plain_port"})
"""What is answered with an A-ABORT; who should have spoken TLS gets nothing that is not encrypted."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A connection that has asked for an association."""

    connection: socket.socket  # blocking again
    address: Any  # the peer's, as accept() gave it
    host: str  # of it, the part that is counted
    request: bytes  # the A-ASSOCIATE-RQ PDU
    secure: bool  # over TLS
    certificate: bytes | None  # the peer's, DER form


class Lobby:
    """Takes connections, gives back callers; the rest is told why, or closed."""

    def __init__(
        self,
        request_s: float,
        handshake_s: float,
        on_caller: Callable[[Caller], Rejection | None],
        on_refused: Callable[[str, str, str | None], None],
        on_turn: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_caller` takes a caller or returns how to reject it; `on_refused` gets host, code and reason.

        All run in the lobby's thread, and no exception of theirs ends it.
        """
        self._request_s = request_s
        self._handshake_s = handshake_s
        self._on_caller = on_caller
        self._on_refused = on_refused
        self._on_turn = on_turn
        self._selector = selectors.DefaultSelector()
        self._guests: dict[Guest, None] = {}  # in the order they came
        self._hosts: Counter[str] = Counter()
        self._arriving: SimpleQueue[Guest] = SimpleQueue()
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="lobby", daemon=True)

    def open(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def enter(
        self,
        connection: socket.socket,
        address: Any,
        host: str,
        context: ssl.SSLContext | None,
        verdict: Rejection | None,
    ) -> None:
        """Take a connection, from any thread; with a verdict it is rejected as soon as it asks."""
        wait_s = self._request_s if context is None else self._handshake_s
        self._arriving.put(Guest(connection, address, host, context, verdict, time.monotonic() + wait_s))
        self._wake()

    def close(self) -> None:
        """Close every connection that still waits, and end."""
        self._closing = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join()
        for guest in list(self._guests):
            self._drop(guest)
        self._selector.close()
        self._woken.close()
        self._waker.close()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._guests)

    def _wake(self) -> None:
        with suppress(OSError):  # full: it is awake already
            self._waker.send(b"\0")

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select(_TICK_S):
                if key.data is None:
                    self._let_in()
                elif key.data in self._guests:
                    self._guarded(self._attend, key.data)
            self._let_go()
            self._on_turn()

    def _let_in(self) -> None:
        with suppress(OSError):
            self._woken.recv(4096)
        with suppress(Empty):
            while True:
                self._guarded(self._seat, self._arriving.get_nowait())

    def _guarded(self, do: Callable[[Guest], None], guest: Guest) -> None:
        """Let nothing that one connection brings about end the service of the others."""
        try:
            do(guest)
        except Exception as error:
            self._drop(guest)
            self._on_refused(guest.host, "failed", type(error).__name__)

    def _seat(self, guest: Guest) -> None:
        self._make_room(guest.host)
        self._guests[guest] = None
        self._hosts[guest.host] += 1
        guest.begin()
        self._selector.register(guest.connection, guest.interest, guest)
        self._attend(guest)

    def _make_room(self, host: str) -> None:
        """Let go of the oldest connection of the address that has too many, or has the most."""
        if self._hosts[host] >= _MOST_OF_ONE:
            crowd = host
        elif len(self._guests) >= _MOST or sum(len(each.received) for each in self._guests) > _MOST_BYTES:
            crowd = self._hosts.most_common(1)[0][0]
        else:
            return
        oldest = next(each for each in self._guests if each.host == crowd)
        self._refuse(oldest, "too_many_waiting")

    def _attend(self, guest: Guest) -> None:
        """Go one step on with a guest that can be read or written."""
        try:
            step = guest.advance()
        except OSError as error:
            self._refuse(guest, *guest.failure(error))
            return
        if step is Step.HANDSHAKEN:
            guest.deadline = time.monotonic() + self._request_s
            self._attend(guest)
        elif step is Step.ASKED:
            self._introduce(guest)
        elif step is Step.GONE:
            self._drop(guest)
        elif step is Step.STRAY:
            self._refuse(guest, guest.stray_code())
        else:
            self._selector.modify(guest.connection, guest.interest, guest)

    def _introduce(self, guest: Guest) -> None:
        """Hand a caller over, or send it away."""
        self._selector.unregister(guest.connection)
        caller = Caller(
            guest.hand_over(),
            guest.address,
            guest.host,
            bytes(guest.received),
            guest.secure,
            guest.certificate,
        )
        verdict = guest.verdict or self._on_caller(caller)
        if verdict is None:
            self._forget(guest)
            return
        self._on_refused(guest.host, "/".join(map(str, verdict)), None)
        guest.connection.setblocking(False)
        self._selector.register(guest.connection, selectors.EVENT_READ, guest)
        guest.reject(verdict)

    def _let_go(self) -> None:
        now = time.monotonic()
        for guest in [each for each in self._guests if each.deadline < now]:
            if guest.is_leaving:
                self._drop(guest)
            else:
                self._refuse(guest, "no_request" if guest.is_shaken else "no_handshake")

    def _refuse(self, guest: Guest, code: str, reason: str | None = None) -> None:
        """Tell why a connection goes, here and, where DICOM has a word for it, there."""
        if not guest.is_leaving:
            self._on_refused(guest.host, code, reason)
        if code in _TOLD and not guest.secure:
            guest.abort(code)
        else:
            self._drop(guest)

    def _drop(self, guest: Guest) -> None:
        with suppress(KeyError, ValueError):
            self._selector.unregister(guest.connection)
        self._forget(guest)
        guest.close()

    def _forget(self, guest: Guest) -> None:
        if guest in self._guests:
            del self._guests[guest]
            self._hosts[guest.host] -= 1
            if not self._hosts[guest.host]:
                del self._hosts[guest.host]
