"""An association's socket: no PDU is longer than any sensible one, or takes for ever to arrive."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from contextlib import suppress
from threading import Lock

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from ctsma_node.receive.bell import Bell

_HEADER = struct.Struct(">BxL")  # PDU type, reserved, PDU length (PS3.8 9.3.1)
_P_DATA_TF = 0x04
_LONGEST_WAIT_S = 0.05  # timers are looked at in between

_MOST_WAITING = 2
"""Messages that were received and not yet served; no more are read until there are fewer."""

_ANSWERS, _OVER = "Sta3", "Sta13"  # awaits the local answer; the connection's end (PS3.8 tables 9-1, 9-5)
_PART, _MOST_PARTS = 65536, 256


class GuardedSocket(AssociationSocket):  # type: ignore[misc]
    """Reads PDUs of a sensible length in a sensible time, and no faster than requests are served."""

    def __init__(
        self,
        assoc: Association,
        connection: socket.socket,
        request: bytes,
        longest_pdu: int,
        pdu_s: float,
        bell: Bell,
    ) -> None:
        """`request` is the A-ASSOCIATE-RQ, which was read before the association was made.

        `bell` ends the wait for the peer: it rings when there is something to send.
        """
        super().__init__(assoc, client_socket=connection)
        self.heard_at = time.monotonic()
        self._read_before = memoryview(request)
        self._bell = bell
        self._buffer = bytearray()
        self._longest_pdu = longest_pdu
        self._pdu_s = pdu_s
        self._deadline = 0.0
        self._in_pdu = False
        self._ending = Lock()

    @property
    def ready(self) -> bool:
        """Whether there is something to read, and room for it: what is not read makes the peer wait.

        Waits a little for it, and no longer than until the bell rings. Nothing is read before what came
        earlier has been acted upon: half a PDU behind a whole one would keep the answer to that back until
        its deadline, and behind a broken one the next is out of step.
        """
        if self._read_before:
            return True
        connection, state = self.socket, self.assoc.dul.state_machine.current_state
        if connection is None:
            return False
        if state == _OVER:
            self._discard(connection)
        if state in (_ANSWERS, _OVER) or not self.event_queue.empty():
            return False
        if self.assoc.dimse.msg_queue.qsize() >= _MOST_WAITING:
            return False
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return True
        try:
            return self._bell.wait(connection, _LONGEST_WAIT_S if state == "Sta6" else 0.0)
        except (OSError, ValueError):  # closed by the association's thread
            self.event_queue.put("Evt17")
            return False

    def next_fragments(self) -> memoryview | None:
        """Read a P-DATA-TF PDU and return what follows its header; None where the next PDU is another one.

        The bytes hold until the next call. Raises OSError like `recv`, and where the peer closed.
        """
        header = self.recv(_HEADER.size)
        if len(header) < _HEADER.size:
            raise ConnectionResetError
        kind, length = _HEADER.unpack(header)
        if kind != _P_DATA_TF:
            self._read_before = memoryview(header)
            return None
        if length > len(self._buffer) and length <= self._longest_pdu:
            self._buffer = bytearray(length)  # as long as this peer needs, and no longer
        content = self._receive(length, self._buffer)
        if len(content) < length:
            raise ConnectionResetError
        return content

    def recv(self, nr_bytes: int) -> bytearray:
        """Read the header of a PDU or, next, the rest of it; shorter only where the peer closed.

        Raises OSError for a PDU that is too long, and when one is not there as a whole in time.
        """
        if self._read_before:
            part, self._read_before = bytearray(self._read_before[:nr_bytes]), self._read_before[nr_bytes:]
            return part
        return bytearray(self._receive(nr_bytes, None))

    def stop_reading(self) -> None:
        """Wake the thread that reads, from another one: it finds the end of what the peer sends.

        Only that thread closes the socket. Closed by another one, its number may be a new peer's before a
        call that is on its way into the kernel gets there: which then takes the first bytes of that peer.
        """
        with self._ending, suppress(OSError):
            if self.socket is not None:  # not that of TLS, which would go on without it
                socket.socket.shutdown(self.socket, socket.SHUT_RD)

    def _shutdown_socket(self) -> None:
        """Close the socket. Stock pynetdicom leaves one open whose peer has gone, for its shutdown fails."""
        with self._ending:
            if self.socket is not None:
                with suppress(OSError):
                    self.socket.shutdown(socket.SHUT_RDWR)
                self.socket.close()

    def _discard(self, connection: socket.socket) -> None:
        """Throw away what has come after an abort or a rejection, for a reset would overtake that.

        Stock pynetdicom goes on to read PDUs there, out of step as the peer may be: it answers every six
        bytes that are none with an A-ABORT and two lines in the log.
        """
        with suppress(OSError):  # nothing more is there, or the peer has gone
            connection.setblocking(False)
            for _ in range(_MOST_PARTS):
                if not connection.recv(_PART):
                    break

    def _receive(self, nr_bytes: int, buffer: bytearray | None) -> memoryview:
        """The same, into a buffer that is long enough or into one of its own."""
        if nr_bytes > self._longest_pdu:
            raise OSError("PDU too long")
        if not self._in_pdu:
            self._deadline = time.monotonic() + self._pdu_s
        view = memoryview(bytearray(nr_bytes) if buffer is None else buffer)[:nr_bytes]
        received = view[: self._read_into(view)]
        self._in_pdu = not self._in_pdu
        self.heard_at = time.monotonic()
        return received

    def _read_into(self, view: memoryview) -> int:
        length = 0
        while length < len(view):
            if time.monotonic() > self._deadline:
                raise TimeoutError("PDU too slow")
            connection = self.socket
            count = connection.recv_into(view[length:]) if connection is not None else 0
            if count == 0:
                break
            length += count
        return length
