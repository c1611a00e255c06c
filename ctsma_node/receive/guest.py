"""One connection in the lobby: how far it has come, and the few bytes that may be said to it."""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
import time
from contextlib import suppress
from enum import Enum, auto
from typing import Any

from ctsma_node.receive.peers import Rejection
from ctsma_node.tls import why

_HEADER = struct.Struct(">BxL")  # PDU type, reserved, PDU length (PS3.8 9.3.1)
_ASSOCIATE_RQ = 0x01
_TLS_HANDSHAKE = 0x16  # the first byte of a TLS connection (RFC 8446 section 5.1)
_LONGEST_REQUEST = 256 * 1024
"""An A-ASSOCIATE-RQ with 128 contexts of 20 syntaxes takes about 100 kB (PS3.8 9.3.2)."""

_LEAVING_S = 2.0


class Step(Enum):
    """What became of a connection when it was last attended to."""

    WAITS = auto()
    HANDSHAKEN = auto()
    ASKED = auto()  # `received` is an A-ASSOCIATE-RQ PDU
    STRAY = auto()  # something else came
    GONE = auto()  # the peer closed


class Guest:
    """A connection that has not asked yet. Its socket does not block until `connection` is taken over."""

    def __init__(
        self,
        connection: socket.socket,
        address: Any,
        host: str,
        context: ssl.SSLContext | None,
        verdict: Rejection | None,
        deadline: float,
    ) -> None:
        self.connection = connection
        self.address = address
        self.host = host
        self.verdict = verdict  # how to reject it, decided when it came
        self.deadline = deadline  # time.monotonic()
        self.received = bytearray()
        self.secure = context is not None
        self.certificate: bytes | None = None
        self.is_shaken = context is None
        self.is_leaving = False
        self.interest = selectors.EVENT_READ
        self._context = context
        self._timeout = connection.gettimeout()

    def begin(self) -> None:
        """Stop to block, and put TLS around the connection where it comes over TLS."""
        self.connection.setblocking(False)
        if self._context is not None:
            self.connection = self._context.wrap_socket(
                self.connection, server_side=True, do_handshake_on_connect=False
            )

    def advance(self) -> Step:
        """Go on with whatever can be done without waiting. Raises OSError where the connection failed."""
        if self.is_leaving:
            return self._watch_it_leave()
        try:
            if not self.is_shaken:
                return self._shake_hands()
            return self._read_request()
        except (ssl.SSLWantReadError, BlockingIOError):
            self.interest = selectors.EVENT_READ
        except ssl.SSLWantWriteError:
            self.interest = selectors.EVENT_WRITE
        return Step.WAITS

    def stray_code(self) -> str:
        """Name what came instead of an A-ASSOCIATE-RQ."""
        if self.received[0] == _TLS_HANDSHAKE and not self.secure:
            return "tls_on_plain_port"
        return "pdu_too_long" if self.received[0] == _ASSOCIATE_RQ else "not_dicom"

    def failure(self, error: OSError) -> tuple[str, str | None]:
        """Code and reason of an exception that `advance` raised."""
        if not isinstance(error, ssl.SSLError):
            return "closed", None
        return ("tls_broken" if self.is_shaken else "tls_handshake"), why(error)

    def reject(self, verdict: Rejection) -> None:
        """Send an A-ASSOCIATE-RJ (PS3.8 9.3.4) and let the peer close."""
        self._say(struct.pack(">BxLxBBB", 3, 4, *verdict))

    def abort(self, code: str) -> None:
        """Send an A-ABORT by the service provider (PS3.8 9.3.8) and let the peer close."""
        reason = 6 if code == "pdu_too_long" else 1  # invalid parameter value, unrecognized PDU
        self._say(struct.pack(">BxLxxBB", 7, 4, 2, reason))

    def hand_over(self) -> socket.socket:
        """The connection as it came: reads and writes of it block, up to a limit."""
        self.connection.settimeout(self._timeout)
        return self.connection

    def close(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self.connection.close()

    def _shake_hands(self) -> Step:
        assert isinstance(self.connection, ssl.SSLSocket)
        self.connection.do_handshake()
        self.is_shaken = True
        self.certificate = self.connection.getpeercert(binary_form=True)
        self.interest = selectors.EVENT_READ
        return Step.HANDSHAKEN

    def _read_request(self) -> Step:
        """Read up to the end of the first PDU and not a byte further."""
        while True:
            wanted = _HEADER.size
            if len(self.received) >= wanted:
                kind, length = _HEADER.unpack_from(self.received)
                if kind != _ASSOCIATE_RQ or length > _LONGEST_REQUEST:
                    return Step.STRAY
                wanted += length
                if len(self.received) == wanted:
                    return Step.ASKED
            elif self.received and self.received[0] != _ASSOCIATE_RQ:
                return Step.STRAY
            part = self.connection.recv(min(wanted - len(self.received), 65536))
            if not part:
                return Step.GONE
            self.received += part

    def _say(self, pdu: bytes) -> None:
        """Say the last words; what the peer still sends is read, for a reset would overtake them."""
        self.is_leaving = True
        self.deadline = time.monotonic() + _LEAVING_S
        with suppress(OSError):
            self.connection.send(pdu)
            self.connection.shutdown(socket.SHUT_WR)

    def _watch_it_leave(self) -> Step:
        try:
            for _ in range(4):
                if not self.connection.recv(65536):
                    return Step.GONE
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        except OSError:
            return Step.GONE
        return Step.WAITS
