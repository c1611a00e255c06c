"""The transport side of the SCP: what stock pynetdicom does not watch, in one place per connection.

Seen of pynetdicom 3.0.4 and cured here: a peer that stalls inside a PDU is never timed out; the length of a
PDU is not bounded; the service is chosen by the Affected SOP Class UID instead of the context; a C-STORE with
an empty Affected SOP Instance UID is never answered; a handler slower than the network timeout gets its
answer sent and then the association aborted; a connection that closes before it asks for an association (a
load balancer's probe) keeps its slot until the ACSE timeout.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from copy import deepcopy
from socketserver import BaseServer
from typing import Any

from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from ctsma_node import log
from ctsma_node.config.settings import LimitSettings
from ctsma_node.receive.peers import Peers

_LARGEST_PDU = 1 << 20
"""An A-ASSOCIATE-RQ with 128 contexts of 20 syntaxes takes about 200 kB (PS3.8 9.3.2)."""

_NAME = "AcceptorThread@node"
"""pynetdicom finds the associations of a server by this beginning of their threads' names."""


class GuardedSocket(AssociationSocket):  # type: ignore[misc]
    """Reads PDUs of a sensible length, and remembers when it last heard of the peer."""

    heard_at = 0.0  # time.monotonic()
    longest_pdu = _LARGEST_PDU

    def recv(self, nr_bytes: int) -> bytearray:
        """Read from the peer; a PDU longer than any sensible one ends the connection unread."""
        if nr_bytes > self.longest_pdu:
            raise OSError("PDU too long")
        received: bytearray = super().recv(nr_bytes)
        self.heard_at = time.monotonic()
        return received


class GuardedAssociation(Association):  # type: ignore[misc]
    """An association as acceptor: every C-STORE gets its answer, and its end is told however it comes."""

    def __init__(self, ae: ApplicationEntity, on_end: Callable[[Association], None]) -> None:
        super().__init__(ae, "acceptor")
        self._on_end = on_end
        self._serving = False

    def run_reactor(self) -> None:
        """Run the association's thread."""
        try:
            super().run_reactor()
        finally:
            self._on_end(self)

    def _serve_request(self, msg: Any, context_id: int) -> None:
        """Serve a request; a C-STORE always goes to the Storage service, whatever SOP class it names."""
        self._serving = True
        try:
            context = self._accepted_cx.get(context_id)
            if isinstance(msg, C_STORE) and context is not None and _is_request(msg):
                self._is_paused = True
                StorageServiceClass(self).SCP(msg, context)
                self._is_paused = False
            else:
                super()._serve_request(msg, context_id)
        finally:
            self._serving = False
            self.dul._idle_timer.restart()

    def is_idle(self, seconds: float) -> bool:
        """Say whether nothing has been served or heard of for a while."""
        heard_at = getattr(self.dul.socket, "heard_at", 0.0)
        return not self._serving and time.monotonic() - heard_at > seconds


class NodeServer(ThreadedAssociationServer):  # type: ignore[misc]
    """Listens; closes connections from addresses that no source has, before anything is read of them."""

    def __init__(
        self,
        *arguments: Any,
        peers: Peers,
        limits: LimitSettings,
        on_end: Callable[[Association], None],
        on_turn: Callable[[], None],
        **options: Any,
    ) -> None:
        self.peers = peers
        self.limits = limits
        self.on_end = on_end
        self._on_turn = on_turn
        self.request_queue_size = limits.backlog
        super().__init__(*arguments, request_handler=Acceptor, **options)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection, with a limit on every read and write."""
        connection, address = super().get_request()
        connection.settimeout(self.limits.network_s)
        return connection, address

    def verify_request(self, request: object, client_address: Any) -> bool:
        """Say whether the address is one of a source."""
        known = self.peers.knows_address(str(client_address[0]))
        if not known:
            log.logger.warning("connection.refused", address=client_address[0], code="unknown_address")
        return known

    def service_actions(self) -> None:
        """Say that the loop has come round: it does several times a second, unless accepting hangs."""
        super().service_actions()
        self._on_turn()

    def handle_error(self, request: object, client_address: Any) -> None:
        """Log that a connection could not be served; the server goes on."""
        log.logger.error("connection.failed", address=client_address[0], exc_info=True)

    def stop_listening(self) -> None:
        """Take no more connections; the associations there are go on."""
        BaseServer.shutdown(self)
        self.server_close()


class Acceptor(RequestHandler):  # type: ignore[misc]
    """Makes the guarded association of a connection."""

    server: NodeServer

    def _create_association(self) -> Association:
        """Do what RequestHandler does, with the guarded classes instead of the stock ones."""
        assoc = GuardedAssociation(self.ae, self.server.on_end)
        assoc._server = self.server
        assoc.name = _NAME
        transport = GuardedSocket(assoc, client_socket=self.request)
        transport.longest_pdu = max(_LARGEST_PDU, 2 * self.server.limits.max_pdu)
        transport.heard_at = time.monotonic()
        assoc.set_socket(transport)
        acceptor = assoc.acceptor
        acceptor.maximum_length = self.ae.maximum_pdu_size
        acceptor.ae_title = self.server.ae_title
        acceptor.address_info = self.local
        acceptor.implementation_class_uid = self.ae.implementation_class_uid
        acceptor.implementation_version_name = self.ae.implementation_version_name
        acceptor.supported_contexts = deepcopy(self.server.contexts)
        assoc.requestor.address_info = self.remote
        assoc.bind(evt.EVT_FSM_TRANSITION, _wake)
        self._bind_handlers(assoc)
        return assoc

    def _bind_handlers(self, assoc: Association) -> None:
        for event, handlers in self.server._handlers.items():
            for handler, arguments in [handlers] if isinstance(handlers, tuple) else handlers:
                assoc.bind(event, handler, arguments)


def _wake(event: evt.Event) -> None:
    """End the wait for an A-ASSOCIATE-RQ when the connection has closed (Sta1 is idle, PS3.8 9.2.1)."""
    if event.next_state == "Sta1" and event.assoc.requestor.primitive is None:
        event.assoc.dul.to_user_queue.put(None)


def _is_request(message: C_STORE) -> bool:
    return message.MessageID is not None and message.MessageIDBeingRespondedTo is None
