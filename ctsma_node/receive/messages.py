"""Puts DIMSE messages together from P-DATA (PS3.8 annex E), within bounds of size, number and time."""

from __future__ import annotations

import time
from collections.abc import Callable
from io import BytesIO

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.dimse_primitives import C_CANCEL
from pynetdicom.pdu_primitives import P_DATA

from ctsma_node import log

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

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take a part of a message."""
        if self.message is None:
            self.message = DIMSEMessage()
            self.message.data_set = self._new_dataset()
            self._begun_at, self._length = time.monotonic(), 0
        self._length += sum(len(part) for _, part in primitive.presentation_data_value_list)
        try:
            is_whole = self.message.decode_msg(primitive, self.assoc)
            received = self.message.message_to_primitive() if is_whole else None
        except Exception as error:  # whatever pydicom or pynetdicom raises here is the peer's doing
            self._end(type(error).__name__)
            return
        if received is None:
            self._stay_within_bounds()
            return
        context_id, self.message = self.message.context_id, None
        if not isinstance(received, C_CANCEL):
            self.msg_queue.put((context_id, received))

    def _stay_within_bounds(self) -> None:
        if self.message.encoded_command_set.tell() > _LONGEST_COMMAND:
            self._end("command_too_long")
        elif time.monotonic() - self._begun_at > self._message_s + self._length / _SLOWEST:
            self._end("too_slow")

    def _end(self, code: str) -> None:
        """Abort (Evt19: an invalid PDU, PS3.8 9.2.3)."""
        self.message = None
        log.logger.warning("association.message_refused", code=code)
        self.dul.event_queue.put("Evt19")
