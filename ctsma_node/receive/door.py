"""Where the node listens, plain and over TLS, and how that ends without losing what is on its way."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BytesIO
from typing import Any, cast

from pynetdicom import AE, _config, evt
from pynetdicom.presentation import PresentationContext

from ctsma_node import log
from ctsma_node.config import Settings
from ctsma_node.receive.acceptor import NodeServer
from ctsma_node.receive.admission import Admission
from ctsma_node.receive.alerts import Alerts
from ctsma_node.receive.arriving import ArrivingDataset
from ctsma_node.receive.association import GuardedAssociation
from ctsma_node.receive.lobby import Caller, Lobby
from ctsma_node.receive.peers import Peers, Rejection
from ctsma_node.systemd import inherited_ports
from ctsma_node.tls import ServerContext

_IDLE_S = 1.0  # an association silent for so long at a stop is between instances
_POLL_S = 0.05
_OF_PEERS = (
    *("dul", "fsm", "utils", "pdu", "pdu_items", "pdu_primitives"),
    *("dimse_messages", "dimse_primitives", "presentation"),
)
"""Modules of pynetdicom whose log lines are what peers bring about, several for one PDU."""


class Turns:
    """Tells when each of several loops has come round once more: one of them that hangs silences it."""

    def __init__(self, on_turn: Callable[[], None]) -> None:
        self._on_turn = on_turn
        self._lock = threading.Lock()
        self._loops = 0
        self._round: set[int] = set()

    def join(self) -> Callable[[], None]:
        """Count one loop more; it calls the result each time it comes round."""
        number, self._loops = self._loops, self._loops + 1
        return lambda: self._turn(number)

    def _turn(self, number: int) -> None:
        with self._lock:
            self._round.add(number)
            if len(self._round) == self._loops:
                self._round.clear()
                with suppress(Exception):  # a sign of life that is not given goes stale, which tells
                    self._on_turn()


class Door:
    """The listening servers, the lobby behind them, and the associations that came of it."""

    def __init__(
        self,
        settings: Settings,
        peers: Peers,
        alerts: Alerts,
        contexts: list[PresentationContext],
        handlers: list[evt.EventHandlerType],
        on_end: Callable[[GuardedAssociation], None],
        on_turn: Callable[[], None],
    ) -> None:
        """Listen; nobody is served before `open`. Raises OSError where a port is taken, and SettingsError.

        `on_turn` hears, several times a second, that every loop that takes connections in has come round.
        """
        _configure_pynetdicom()
        self._settings = settings
        self._peers = peers
        self._alerts = alerts
        self._contexts = contexts
        self._handlers = handlers
        self._on_end = on_end
        self._admission = Admission(settings.limits)
        self._ae = _application_entity(settings, peers)
        tls = settings.tls
        self._turns = Turns(on_turn)
        self._lobby = Lobby(
            settings.limits.acse_s, tls.handshake_s, self._take, alerts.refused, self._turns.join()
        )
        self._servers: dict[bool, NodeServer] = {}
        try:
            context = ServerContext(tls) if tls.enabled else None
            if context is None or not tls.required:
                self._servers[False] = self._listen(settings.node.port, None)
            if context is not None:
                self._servers[True] = self._listen(tls.port, context)
        except BaseException:
            self._close_unopened()
            raise

    def open(self) -> None:
        """Begin to serve."""
        node = self._settings.node
        self._lobby.open()
        for secure, server in self._servers.items():
            threading.Thread(
                target=server.serve_forever, args=(0.1,), name=f"listen {self.port(secure)}", daemon=True
            ).start()
            log.logger.info(
                "receive.listening",
                called_ae=node.ae_title,
                address=node.bind,
                port=self.port(secure),
                tls=secure,
            )
        served = {self.port(secure) for secure in self._servers}
        for port in sorted(inherited_ports() - served):
            log.logger.warning("receive.socket_unused", port=port)
        self._warn()

    def port(self, secure: bool) -> int:
        """The port that is listened on, also where the settings say 0."""
        return int(self._servers[secure].server_address[1])

    def close(self, drain_s: float) -> None:
        """Take no new associations, and let those at work finish for so long."""
        for server in self._servers.values():
            server.stop_listening()
        self._lobby.close()
        deadline = time.monotonic() + drain_s
        while (alive := self.associations()) and time.monotonic() < deadline:
            _abort(assoc for assoc in alive if assoc.is_idle(_IDLE_S))
            time.sleep(_POLL_S)
        _abort(self.associations())

    def take_over(self, peers: Peers) -> None:
        """Let new sources in; pynetdicom checks AE titles by a list of its own."""
        self._ae.require_calling_aet = peers.calling_ae_titles

    def associations(self) -> list[GuardedAssociation]:
        """Those that are open."""
        return [a for a in self._ae.active_associations if isinstance(a, GuardedAssociation)]

    def _listen(self, port: int, tls: ServerContext | None) -> NodeServer:
        node = self._settings.node
        server = self._ae.make_server(
            (node.bind, port),
            ae_title=node.ae_title,
            contexts=self._contexts,
            evt_handlers=self._handlers,
            server_class=NodeServer,
            peers=self._peers,
            limits=self._settings.limits,
            admission=self._admission,
            lobby=self._lobby,
            tls=tls,
            new_dataset=self._new_dataset,
            on_refused=self._alerts.refused,
            on_end=self._left,
            on_turn=self._turns.join(),
        )
        return cast(NodeServer, server)

    def _take(self, caller: Caller) -> Rejection | None:
        """Begin the association of a caller, or say how to reject it."""
        verdict = self._admission.enter(caller.host)
        if verdict is None:
            try:
                self._servers[caller.secure].take(caller)
            except BaseException:
                self._admission.leave(caller.host)
                raise
        return verdict

    def _left(self, assoc: GuardedAssociation) -> None:
        self._admission.leave(assoc.caller.host)
        self._on_end(assoc)

    def _new_dataset(self) -> BytesIO:
        limits = self._settings.limits
        return ArrivingDataset(self._settings.spool_dir, limits.max_instance_bytes, limits.min_free_bytes)

    def _warn(self) -> None:
        settings = self._settings
        if not settings.sources:
            log.logger.warning("receive.no_sources", reason="Nobody may send: no [[sources]] are configured.")
        for source in settings.sources:
            if settings.tls.enabled and not source.is_bound:
                log.logger.warning("tls.source_not_bound", calling_ae=source.ae_title)

    def _close_unopened(self) -> None:
        for server in self._servers.values():
            server.server_close()
        self._lobby.close()


def _configure_pynetdicom() -> None:
    """Let every UID through to the store, and write no PDU or message into a log.

    A UID of more than 64 characters would otherwise abort the association; the store answers with a status.
    What is wrong with a PDU is told in one line by whoever ends the association for it.
    """
    _config.VALIDATORS["UI"] = lambda _: (True, "")
    _config.LOG_HANDLER_LEVEL = "none"
    for name in _OF_PEERS:
        logging.getLogger(f"pynetdicom.{name}").setLevel(logging.CRITICAL)


def _application_entity(settings: Settings, peers: Peers) -> AE:
    """Return the AE with every limit set; its own AE title checks stay on, as a second line."""
    limits = settings.limits
    ae = AE(ae_title=settings.node.ae_title)
    ae.require_called_aet = True
    ae.require_calling_aet = peers.calling_ae_titles
    ae.maximum_associations = 2 * limits.max_associations  # the door counts; this is a second line, too
    ae.maximum_pdu_size = limits.max_pdu
    ae.acse_timeout = limits.acse_s
    ae.dimse_timeout = limits.dimse_s
    ae.network_timeout = limits.network_s
    return ae


def _abort(associations: Iterable[Any]) -> None:
    for assoc in associations:
        with suppress(Exception):
            assoc.abort()
