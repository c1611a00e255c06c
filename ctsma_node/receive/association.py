"""An association as acceptor: what stock pynetdicom leaves unanswered, or lets end a thread, is ended here.

Seen of pynetdicom 3.0.4 and cured: the service is chosen by the Affected SOP Class UID instead of the
context; a C-STORE with an empty Affected SOP Instance UID is never answered, nor is a message that is no
request; a handler slower than the network timeout gets its answer sent and then the association aborted; a
PDU that the state machine cannot take ends the thread that reads, and leaves the association standing.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import A_P_ABORT
from pynetdicom.presentation import PresentationContext
from pynetdicom.service_class import StorageServiceClass

from ctsma_node import log
from ctsma_node.receive.bell import Bell
from ctsma_node.receive.contexts import STORAGE_CLASSES
from ctsma_node.receive.lobby import Caller

_ABORT = struct.pack(">BxLxxBB", 7, 4, 2, 0)  # A-ABORT of the service provider, no reason (PS3.8 9.3.8)


class GuardedAssociation(Association):  # type: ignore[misc]
    """Every request gets its answer or an abort, and the end is told however it comes."""

    def __init__(
        self, ae: ApplicationEntity, caller: Caller, on_end: Callable[[GuardedAssociation], None]
    ) -> None:
        super().__init__(ae, "acceptor")
        self.dul = _GuardedReader(self)
        self.acse_timeout, self.network_timeout = ae.acse_timeout, ae.network_timeout  # its timers' too
        self.caller = caller
        self._on_end = on_end
        self._serving = False

    def run_reactor(self) -> None:
        """Run the association's thread."""
        try:
            super().run_reactor()
        except Exception as error:
            if self.is_established:
                log.logger.error("association.failed", **log.describe(error))
            else:  # its request could not be negotiated, such as a context without any transfer syntax
                log.logger.warning("association.broken", address=self.caller.host, **log.describe(error))
            self._hang_up()
        finally:
            self._on_end(self)

    def is_idle(self, seconds: float) -> bool:
        """Say whether nothing has been served or heard of for a while."""
        heard_at = getattr(self.dul.socket, "heard_at", 0.0)
        return not self._serving and time.monotonic() - heard_at > seconds

    def _serve_request(self, msg: Any, context_id: int) -> None:
        """Serve a request; a C-STORE always goes to the Storage service, whatever SOP class it names."""
        self._serving = True
        try:
            context = self._accepted_cx.get(context_id)
            if context is None or not _is_answerable(msg, context):
                log.logger.warning("association.message_refused", code="unanswerable")
                self.abort()
            elif isinstance(msg, C_STORE):
                self._is_paused = True
                StorageServiceClass(self).SCP(msg, context)
                self._is_paused = False
            else:
                super()._serve_request(msg, context_id)
        finally:
            self._serving = False
            self.dul._idle_timer.restart()

    def _hang_up(self) -> None:
        """End both threads of an association that its state machine cannot end any more."""
        self._kill = True
        self.is_established = False
        self.dul.hang_up()


class _GuardedReader(DULServiceProvider):  # type: ignore[misc]
    """The thread that reads; what ends it ends the association."""

    def __init__(self, assoc: Association) -> None:
        super().__init__(assoc)
        self.bell = Bell()
        self._hangs_up = False

    def run_reactor(self) -> None:
        """Run the thread. It alone closes the connection: see `GuardedSocket.stop_reading`."""
        try:
            super().run_reactor()
        except Exception as error:  # the state machine's own: an event that no transition is for
            log.logger.warning("association.broken", address=self.assoc.caller.host, **log.describe(error))
            self._hangs_up = True
        finally:
            self._end_connection()
            self.bell.take_down()

    def send_pdu(self, primitive: Any) -> None:
        """Have a primitive sent at once: whoever waits for the peer is woken."""
        super().send_pdu(primitive)
        self.bell.ring()

    def _is_transport_event(self) -> bool:
        """Look for what the peer sent, then for what came to be sent meanwhile.

        An answer that was ready while the next PDU was waited for goes out now: the stock loop would sleep
        first, a millisecond for each C-STORE.
        """
        heard = bool(super()._is_transport_event())
        return (self.event_queue.empty() and self._process_recv_primitive()) or heard

    def _read_pdu_data(self) -> None:
        """Read a PDU; data of an association that stands (Sta6) goes straight to its message, as by DT-2.

        Stock pynetdicom copies each fragment six times on that way, under the interpreter's lock.
        """
        while self.state_machine.current_state == "Sta6":
            try:
                content = self.socket.next_fragments()
            except OSError:
                if not self._hangs_up:
                    self.event_queue.put("Evt17")  # the connection is closed (PS3.8 9.2.3)
                return
            if content is None:
                break
            self.assoc.dimse.receive(content)
            self._idle_timer.restart()
            if not self._may_read_on():
                return
        super()._read_pdu_data()

    def _may_read_on(self) -> bool:
        """Say whether nothing else is to be done and the next PDU is there; the stock loop sleeps first."""
        has_else = self._kill_thread or self.event_queue.qsize() or self.to_provider_queue.qsize()
        return not has_else and self.socket.ready

    def hang_up(self) -> None:
        """Have the connection aborted and closed, from another thread."""
        self._hangs_up = self._kill_thread = True
        self.socket.stop_reading()
        if not self.is_alive():  # it could not be started
            self._end_connection()

    def _end_connection(self) -> None:
        """Close, behind an abort where one is due, and tell who waits for a primitive that none comes."""
        with suppress(Exception):
            if self._hangs_up:
                self.socket.send(_ABORT)
        with suppress(Exception):
            self.socket.close()
        self.state_machine.current_state = "Sta1"
        if self._hangs_up:
            self.to_user_queue.put(None if self.assoc.requestor.primitive is None else A_P_ABORT())


def _is_answerable(message: Any, context: PresentationContext) -> bool:
    """Say whether a message is a request, and one of the context it came over.

    A C-STORE is answered over whatever context it comes and whatever it lacks: the status says what is wrong.
    """
    if getattr(message, "MessageID", None) is None or message.MessageIDBeingRespondedTo is not None:
        return False
    if isinstance(message, C_STORE):
        return True
    if not message.is_valid_request or context.abstract_syntax in STORAGE_CLASSES:
        return False
    return str(getattr(message, "AffectedSOPClassUID", None)) == str(context.abstract_syntax)
