"""The listening side of the SCP: an address that is known, a connection that asks, then an association.

Seen of pynetdicom 3.0.4 and cured here and beside: a connection that never asks for an association holds the
place of one; with TLS, one client that never sends its ClientHello keeps everybody else out; a peer that
stalls inside a PDU is never timed out; the length of a PDU is not bounded; messages queue without bound.
"""

from __future__ import annotations

import gc
import socket
import time
from collections.abc import Callable
from copy import deepcopy
from io import BytesIO
from socketserver import BaseServer
from typing import Any

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from ctsma_node import log
from ctsma_node.config.settings import LimitSettings
from ctsma_node.receive.admission import Admission, plain
from ctsma_node.receive.association import GuardedAssociation
from ctsma_node.receive.lobby import Caller, Lobby
from ctsma_node.receive.messages import BoundedMessages
from ctsma_node.receive.peers import Peers
from ctsma_node.receive.transport import GuardedSocket
from ctsma_node.systemd import inherited
from ctsma_node.tls import ServerContext

_NAME = "AcceptorThread@node"
"""pynetdicom finds the associations of a server by this beginning of their threads' names."""

_COLLECT_S = 30.0
_BREATH_S = 0.05
"""How long accepting rests after it failed, as it does where there are no file descriptors left."""


class NodeServer(ThreadedAssociationServer):  # type: ignore[misc]
    """Listens; closes connections from addresses that no source has, and lets the others into the lobby."""

    server_address: Any
    socket: Any

    def __init__(
        self,
        *arguments: Any,
        peers: Peers,
        limits: LimitSettings,
        admission: Admission,
        lobby: Lobby,
        tls: ServerContext | None,
        new_dataset: Callable[[], BytesIO],
        on_refused: Callable[[str, str, str | None], None],
        on_end: Callable[[GuardedAssociation], None],
        on_turn: Callable[[], None],
        **options: Any,
    ) -> None:
        self.peers = peers
        self.limits = limits
        self.admission = admission
        self.lobby = lobby
        self.tls = tls
        self.new_dataset = new_dataset
        self.on_refused = on_refused
        self.on_end = on_end
        self._on_turn = on_turn
        self.request_queue_size = limits.backlog
        self._collected_at = time.monotonic()
        super().__init__(*arguments, request_handler=Acceptor, **options)

    def server_bind(self) -> None:
        """Take the socket that systemd listens on at the port of the settings, else listen there."""
        given = inherited(int(self.server_address[1]))
        if given is None:
            self._bind()
            return
        self.socket.close()
        self.socket = given
        self.socket.settimeout(self.limits.network_s)
        self.server_address = given.getsockname()

    def _bind(self) -> None:
        """Listen at the address of the settings; raises OSError that names it."""
        host, port = self.server_address[:2]
        try:
            super().server_bind()
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"{host} port {port}") from None

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection, with a limit on every read and write."""
        try:
            connection, address = super().get_request()
        except OSError:
            time.sleep(_BREATH_S)
            raise
        connection.settimeout(self.limits.network_s)
        return connection, address

    def verify_request(self, request: object, client_address: Any) -> bool:
        """Say whether the address is one of a source."""
        known = self.peers.knows_address(str(client_address[0]))
        if not known:
            self.on_refused(client_address[0], "unknown_address", None)
        return known

    def process_request(self, request: Any, client_address: Any) -> None:
        """Let a connection into the lobby; one over TLS that comes too fast is closed, for it costs most."""
        host = plain(str(client_address[0]))
        verdict = self.admission.connected(host)
        if verdict is not None and self.tls is not None:
            self.on_refused(host, "/".join(map(str, verdict)), None)
            self.shutdown_request(request)
            return
        context = None if self.tls is None else self.tls.current()
        self.lobby.enter(request, client_address, host, context, verdict)

    def take(self, caller: Caller) -> None:
        """Begin the association of a caller."""
        Acceptor(caller, caller.address, self)

    def service_actions(self) -> None:
        """Say that the loop has come round, which it does several times a second, and collect garbage.

        Garbage is what associations are that have ended, for they hold one another. Stock pynetdicom
        collects it at every sixtieth turn of the loop: in a burst of connections the accepting thread is then
        busy with little else, and the kernel's backlog overflows.
        """
        if time.monotonic() - self._collected_at > _COLLECT_S:
            gc.collect()
            self._collected_at = time.monotonic()
        self._on_turn()

    def handle_error(self, request: object, client_address: Any) -> None:
        """Log that a connection could not be served; the server goes on."""
        log.logger.error("connection.failed", address=client_address[0], exc_info=True)

    def stop_listening(self) -> None:
        """Take no more connections; the associations there are go on."""
        BaseServer.shutdown(self)
        self.server_close()


class Acceptor(RequestHandler):  # type: ignore[misc]
    """Makes the guarded association of a caller."""

    server: NodeServer

    def _create_association(self) -> Association:
        """Do what RequestHandler does, with the guarded classes instead of the stock ones."""
        server, limits, caller = self.server, self.server.limits, self.request
        assoc = GuardedAssociation(self.ae, caller, server.on_end)
        assoc._server = server
        assoc.name = _NAME
        assoc.dimse = BoundedMessages(assoc, server.new_dataset, limits.dimse_s)
        assoc.set_socket(
            GuardedSocket(
                assoc,
                caller.connection,
                caller.request,
                2 * limits.max_pdu,
                limits.network_s,
                assoc.dul.bell,
            )
        )
        acceptor = assoc.acceptor
        acceptor.maximum_length = self.ae.maximum_pdu_size
        acceptor.ae_title = server.ae_title
        acceptor.address_info = self.local
        acceptor.implementation_class_uid = self.ae.implementation_class_uid
        acceptor.implementation_version_name = self.ae.implementation_version_name
        acceptor.supported_contexts = deepcopy(server.contexts)
        assoc.requestor.address_info = self.remote
        assoc.bind(evt.EVT_FSM_TRANSITION, _on_transition)
        self._bind_handlers(assoc)
        return assoc

    def _bind_handlers(self, assoc: Association) -> None:
        for event, handlers in self.server._handlers.items():
            for handler, arguments in [handlers] if isinstance(handlers, tuple) else handlers:
                assoc.bind(event, handler, arguments)


def _on_transition(event: evt.Event) -> None:
    """Tell of a PDU that is none (Evt19), and end the wait for a request where the connection has closed.

    Sta1 is idle (PS3.8 9.2.1).
    """
    assoc = event.assoc
    if event.fsm_event == "Evt19":
        log.logger.warning("association.broken", address=assoc.caller.host, code="invalid_pdu")
    if event.next_state == "Sta1" and assoc.requestor.primitive is None:
        assoc.dul.to_user_queue.put(None)
