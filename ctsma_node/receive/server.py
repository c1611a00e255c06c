"""The receiver: listens, stores, and stops without losing what is on its way."""

from __future__ import annotations

import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BytesIO
from typing import Any, cast

from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association as Peering
from pynetdicom.dimse_primitives import C_STORE

from ctsma_node import log
from ctsma_node.config import Settings
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.quota import Quota
from ctsma_node.receive.acceptor import GuardedAssociation, NodeServer
from ctsma_node.receive.contexts import supported_contexts, verification_contexts
from ctsma_node.receive.peers import Peers
from ctsma_node.receive.recover import recover
from ctsma_node.receive.refusal import OUT_OF_RESOURCES, Refusal
from ctsma_node.receive.reports import Reports, report_contexts, reporters
from ctsma_node.receive.store import Store, StoreRequest
from ctsma_node.records import Association
from ctsma_node.spool import Spool, make_private

_SUCCESS = 0x0000
_IDLE_S = 1.0  # an association silent for so long at a stop is between instances
_POLL_S = 0.05


class Receiver:
    """Storage and Verification SCP over the spool and the inbox of one state folder."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._reporters = reporters(settings)
        self._peers = Peers(settings.node.ae_title, settings.sources, self._reporters)
        self._open: dict[Peering, Association] = {}
        self._open_lock = threading.Lock()

    @property
    def port(self) -> int:
        """The port that is listened on, also where the settings say 0."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Bring the inbox in line with the spool, then listen."""
        settings = self._settings
        make_private(settings.node.state_dir)
        spool, quarantine = Spool(settings.spool_dir), Spool(settings.quarantine_dir)
        spool.prepare()
        quarantine.prepare()
        self._inbox = Inbox(settings.inbox_path)
        try:
            recover(self._inbox, spool, quarantine, self._clock)
            quota = Quota(settings.outbox_dir, settings.limits.outbox_quota_bytes)
            self._store = Store(
                self._inbox,
                spool,
                quarantine,
                settings.limits.min_free_bytes,
                self._clock,
                quota.reserved,
            )
            self._listen()
        except BaseException:
            self._inbox.close()
            raise

    def _listen(self) -> None:
        node = self._settings.node
        _configure_pynetdicom()
        self._ae = _application_entity(self._settings, self._peers)
        self._server = cast(
            NodeServer,
            self._ae.make_server(
                (node.bind, node.port),
                ae_title=node.ae_title,
                contexts=supported_contexts() + (report_contexts() if self._reporters else []),
                evt_handlers=[
                    (evt.EVT_REQUESTED, self._on_requested),
                    (evt.EVT_C_STORE, self._on_store),
                    (evt.EVT_N_EVENT_REPORT, Reports(self._inbox, self._clock)),
                ],
                server_class=NodeServer,
                peers=self._peers,
                limits=self._settings.limits,
                on_end=self._on_end,
            ),
        )
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="listen", daemon=True).start()
        log.logger.info("receive.listening", called_ae=node.ae_title, address=node.bind, port=self.port)
        if not self._settings.sources:
            log.logger.warning("receive.no_sources", reason="Nobody may send: no [[sources]] are configured.")

    def stop(self) -> None:
        """Take no new associations, let those at work finish within `drain_s`, then close."""
        self._server.stop_listening()
        deadline = time.monotonic() + self._settings.limits.drain_s
        while (alive := self._associations()) and time.monotonic() < deadline:
            _abort(assoc for assoc in alive if assoc.is_idle(_IDLE_S))
            time.sleep(_POLL_S)
        _abort(self._associations())
        self._inbox.close_all_associations(self._clock())
        self._inbox.close()
        log.logger.info("receive.stopped")

    def _associations(self) -> list[GuardedAssociation]:
        return [a for a in self._ae.active_associations if isinstance(a, GuardedAssociation)]

    def _on_requested(self, event: evt.Event) -> None:
        """Reject an association whose calling AE title, address or called AE title is not known.

        A destination that is no source may report what it has committed to, and store nothing.
        """
        request = event.assoc.requestor.primitive
        address = event.assoc.requestor.address_info.address
        rejection = self._peers.rejection(request.calling_ae_title, request.called_ae_title, address)
        if rejection is None:
            if not self._peers.may_store(request.calling_ae_title, address):
                event.assoc.acceptor.supported_contexts = [*verification_contexts(), *report_contexts()]
            return
        log.logger.warning(
            "association.rejected",
            calling_ae=request.calling_ae_title,
            called_ae=request.called_ae_title,
            address=address,
            code="/".join(map(str, rejection)),
        )
        event.assoc.acse.send_reject(*rejection)
        event.assoc.kill()

    def _on_store(self, event: evt.Event) -> Dataset | int:
        """Answer a C-STORE request."""
        try:
            refusal = self._store(self._request(event))
        except Exception:
            # Nothing is acknowledged that was not stored, whatever it was that went wrong.
            log.logger.error("instance.failed", code=OUT_OF_RESOURCES.code, exc_info=True)
            refusal = OUT_OF_RESOURCES
        return _SUCCESS if refusal is None else _answer(refusal)

    def _request(self, event: evt.Event) -> StoreRequest:
        request = cast(C_STORE, event.request)
        return StoreRequest(
            association=self._association(event.assoc),
            called_ae=self._settings.node.ae_title,
            context_sop_class=str(event.context.abstract_syntax),
            transfer_syntax=str(event.context.transfer_syntax),
            sop_class_uid=str(request.AffectedSOPClassUID or ""),
            sop_instance_uid=str(request.AffectedSOPInstanceUID or ""),
            dataset=request.DataSet or BytesIO(),
        )

    def _association(self, peering: Peering) -> Association:
        """Return the association's record; its row is made with its first C-STORE, not for every C-ECHO."""
        with self._open_lock:
            if peering not in self._open:
                address = peering.requestor.address_info.address
                record = Association(uuid.uuid4().hex, peering.requestor.ae_title, address, self._clock())
                self._inbox.open_association(record)
                self._open[peering] = record
                log.logger.info(
                    "association.opened", association=record.id, calling_ae=record.calling_ae, address=address
                )
            return self._open[peering]

    def _on_end(self, peering: Peering) -> None:
        """Close the association's row; called last thing in the association's own thread."""
        with self._open_lock:
            record = self._open.pop(peering, None)
        if record is not None:
            self._inbox.close_association(record.id, self._clock())
            log.logger.info("association.closed", association=record.id)


def run(settings: Settings, ready: Callable[[Receiver], None] | None = None) -> None:
    """Receive until SIGTERM or SIGINT, then stop gracefully; `ready` is called once it listens."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    receiver = Receiver(settings)
    receiver.start()
    if ready is not None:
        ready(receiver)
    stop.wait()
    receiver.stop()


def _configure_pynetdicom() -> None:
    """Let every UID through to the store, and write no PDU or message into a log.

    A UID of more than 64 characters would otherwise abort the association; the store answers with a status.
    """
    _config.VALIDATORS["UI"] = lambda _: (True, "")
    _config.LOG_HANDLER_LEVEL = "none"


def _application_entity(settings: Settings, peers: Peers) -> AE:
    """Return the AE with every limit set; its own AE title checks stay on, as a second line."""
    limits = settings.limits
    ae = AE(ae_title=settings.node.ae_title)
    ae.require_called_aet = True
    ae.require_calling_aet = peers.calling_ae_titles
    ae.maximum_associations = limits.max_associations
    ae.maximum_pdu_size = limits.max_pdu
    ae.acse_timeout = limits.acse_s
    ae.dimse_timeout = limits.dimse_s
    ae.network_timeout = limits.network_s
    return ae


def _answer(refusal: Refusal) -> Dataset:
    answer = Dataset()
    answer.Status = refusal.status
    answer.ErrorComment = refusal.comment
    return answer


def _abort(associations: Iterable[Any]) -> None:
    for assoc in associations:
        with suppress(Exception):
            assoc.abort()
