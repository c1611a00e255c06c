"""Puts DIMSE messages together from P-DATA (PS3.8 annex E), within bounds of size, number and time."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from queue import Empty
from typing import Any

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.dimse_primitives import C_CANCEL, C_STORE
from pynetdicom.pdu_primitives import P_DATA

from ctsma_node import log
from ctsma_node.receive.answers import stored

_PDV = struct.Struct(">LB")  # length of what follows it, presentation context ID (PS3.8 9.3.5.1)
_PDV_OVERHEAD = _PDV.size + 1
_COMMAND, _LAST = 1, 2  # bits of the message control header (PS3.8 E.2)
_LOOK_S = 0.01  # how late a release is seen
_LONGEST_COMMAND = 64 * 1024  # a C-STORE-RQ's command set takes about 300 bytes
_SLOWEST = 8192  # bytes a second, on the whole


class BoundedMessages(DIMSEServiceProvider):  # type: ignore[misc]
    """What stock pynetdicom lets grow for as long as the peer goes on sending, ends here.

    A command set without an end, and a message that comes byte by byte, abort the association. Every message
    waits in the one queue whose length stops the reading: stock pynetdicom starts a thread for each
    N-EVENT-REPORT-RQ. A C-CANCEL-RQ is dropped, for nothing the node does can be cancelled.
    """

    def __init__(self, assoc: Association, new_dataset: Callable[[], BytesIO], message_s: float) -> None:
        super().__init__(assoc)
        self.message: DIMSEMessage = None
        self._new_dataset = new_dataset
        self._message_s = message_s
        self._begun_at = 0.0
        self._length = 0

    def get_msg(self, block: bool = False) -> tuple[int | None, Any]:
        """The next message, or (None, None); waits a little: a message is served as soon as it is there."""
        found: tuple[int | None, Any] = (None, None)
        with suppress(Empty):
            found = self.msg_queue.get(timeout=self.dimse_timeout if block else _LOOK_S)
        return found

    def send_msg(self, primitive: Any, context_id: int) -> None:
        """Send a message; Success to a C-STORE without a detour."""
        if isinstance(primitive, C_STORE) and primitive.Status == 0x0000:
            answer = stored(
                primitive.MessageIDBeingRespondedTo,
                primitive.AffectedSOPClassUID,
                primitive.AffectedSOPInstanceUID,
            )
            if self.maximum_pdu_size == 0 or len(answer) + _PDV_OVERHEAD <= self.maximum_pdu_size:
                part = P_DATA()
                part.presentation_data_value_list = [[context_id, bytes([_COMMAND | _LAST]) + answer]]
                self.dul.send_pdu(part)
                return
        super().send_msg(primitive, context_id)

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take parts of messages."""
        for context_id, part in primitive.presentation_data_value_list:
            self._take(context_id, memoryview(part))

    def receive(self, content: memoryview) -> None:
        """Take the parts of messages that a P-DATA-TF PDU holds (PS3.8 9.3.5.1), without a copy of them."""
        at = 0
        while at < len(content):
            length, context_id = _PDV.unpack_from(content, at) if len(content) - at >= _PDV.size else (0, 0)
            part = content[at + _PDV.size : at + 4 + length]
            if length < 2 or len(part) != length - 1:
                self._end("malformed")
                return
            if not self._take(context_id, part):
                return
            at += 4 + length

    def _take(self, context_id: int, part: memoryview) -> bool:
        """Take a control header and a fragment (PS3.8 E.2); says whether the association goes on."""
        if self.message is None:
            self.message = DIMSEMessage()
            self.message.data_set = self._new_dataset()
            self._begun_at, self._length = time.monotonic(), 0
        self._length += len(part)
        try:
            received = self._add(context_id, part)
        except Exception as error:  # whatever pydicom or pynetdicom raises here is the peer's doing
            self._end(type(error).__name__)
            return False
        if received is None:
            return self._is_within_bounds()
        context_id, self.message = self.message.context_id, None
        if not isinstance(received, C_CANCEL):
            self.msg_queue.put((context_id, received))
        return True

    def _add(self, context_id: int, part: memoryview) -> Any:
        """The primitive of the message, once it is whole."""
        if part[0] & _COMMAND:
            command = P_DATA()
            command.presentation_data_value_list = [[context_id, bytes(part)]]
            is_whole = self.message.decode_msg(command, self.assoc)
        else:
            self.message.data_set.write(part[1:])
            is_whole = bool(part[0] & _LAST)
        return self.message.message_to_primitive() if is_whole else None

    def _is_within_bounds(self) -> bool:
        if self.message.encoded_command_set.tell() > _LONGEST_COMMAND:
            self._end("command_too_long")
        elif time.monotonic() - self._begun_at > self._message_s + self._length / _SLOWEST:
            self._end("too_slow")
        return self.message is not None

    def _end(self, code: str) -> None:
        """Abort (Evt19: an invalid PDU, PS3.8 9.2.3)."""
        self.message = None
        log.logger.warning("association.message_refused", code=code)
        self.dul.event_queue.put("Evt19")
