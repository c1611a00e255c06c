"""An association's socket: no PDU is longer than any sensible one, or takes for ever to arrive."""

from __future__ import annotations

import socket
import time

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

_HEADER = 6
"""PDU type, a reserved byte, PDU length (PS3.8 9.3.1)."""

_MOST_WAITING = 2
"""Messages that were received and not yet served; no more are read until there are fewer."""


class GuardedSocket(AssociationSocket):  # type: ignore[misc]
    """Reads PDUs of a sensible length in a sensible time, and no faster than requests are served."""

    def __init__(
        self,
        assoc: Association,
        connection: socket.socket,
        request: bytes,
        longest_pdu: int,
        pdu_s: float,
    ) -> None:
        """`request` is the A-ASSOCIATE-RQ, which was read before the association was made."""
        super().__init__(assoc, client_socket=connection)
        self.heard_at = time.monotonic()
        self._request = memoryview(request)
        self._longest_pdu = longest_pdu
        self._pdu_s = pdu_s
        self._deadline = 0.0
        self._in_pdu = False

    @property
    def ready(self) -> bool:
        """Whether there is something to read, and room for it: what is not read makes the peer wait."""
        if self._request:
            return True
        if self.assoc.dimse.msg_queue.qsize() >= _MOST_WAITING:
            return False
        return bool(super().ready)

    def recv(self, nr_bytes: int) -> bytearray:
        """Read the header of a PDU or, next, the rest of it; shorter only where the peer closed.

        Raises OSError for a PDU that is too long, and when one is not there as a whole in time.
        """
        if self._request:
            part, self._request = bytearray(self._request[:nr_bytes]), self._request[nr_bytes:]
            return part
        if self._in_pdu and nr_bytes > self._longest_pdu:
            raise OSError("PDU too long")
        if not self._in_pdu:
            self._deadline = time.monotonic() + self._pdu_s
        received = self._read(nr_bytes)
        self._in_pdu = not self._in_pdu
        self.heard_at = time.monotonic()
        return received

    def _read(self, nr_bytes: int) -> bytearray:
        received, length = bytearray(nr_bytes), 0
        with memoryview(received) as view:
            while length < nr_bytes:
                if time.monotonic() > self._deadline:
                    raise TimeoutError("PDU too slow")
                connection = self.socket
                count = connection.recv_into(view[length:]) if connection is not None else 0
                if count == 0:
                    break
                length += count
        del received[length:]
        return received
