"""The receiver: listens, stores, and stops without losing what is on its way."""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import cast

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.association import Association as Peering
from pynetdicom.dimse_primitives import C_STORE

from ctsma_node import log
from ctsma_node.audit import Recorder
from ctsma_node.clock import ClockWatch
from ctsma_node.config import Settings
from ctsma_node.heartbeat import BEAT_S, Pulse
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.quota import Quota
from ctsma_node.receive.adopt import Adoption
from ctsma_node.receive.alerts import Alerts
from ctsma_node.receive.contexts import supported_contexts, verification_contexts
from ctsma_node.receive.door import Door
from ctsma_node.receive.peers import NO_REASON_GIVEN, Peers, Rejection
from ctsma_node.receive.purge import InboxPlan, InboxPurge
from ctsma_node.receive.recover import recover
from ctsma_node.receive.refusal import OUT_OF_RESOURCES, Refusal
from ctsma_node.receive.reports import Reports, report_contexts, reporters
from ctsma_node.receive.store import Store, StoreRequest
from ctsma_node.receive.tally import Tally
from ctsma_node.receive.transfers import Transfers
from ctsma_node.records import Association
from ctsma_node.releases import ReleaseFolder
from ctsma_node.spool import Spool, free_bytes, make_private

_SUCCESS = 0x0000
_PDV_HEAD = 6  # length, context ID and control header of a PDV (PS3.8 9.3.5.1)
_STALLED_S = 30.0  # the listening thread looks for connections ten times a second


class Receiver:
    """Storage and Verification SCP over the spool and the inbox of one state folder."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._peers = Peers(settings.node.ae_title, settings.sources, reporters(settings))
        self._watch = ClockWatch(settings.clock_path("receive"), clock)
        self._tally = Tally()
        self._pulse = Pulse(settings.heartbeat_path("receive"), clock)
        self._beaten_at = 0.0
        self._recorder = Recorder(settings, "receive", clock)
        self._alerts = Alerts(self._recorder, self._tally.count)
        self._transfers = Transfers(self._recorder, self._alerts)
        self._open: dict[Peering, Association] = {}
        self._unclosed: dict[str, float] = {}  # ended, and the inbox could not be told
        self._open_lock = threading.Lock()

    @property
    def port(self) -> int:
        """The port that is listened on, also where the settings say 0."""
        return self._door.port(secure=False)

    @property
    def tls_port(self) -> int:
        """The same for DICOM over TLS."""
        return self._door.port(secure=True)

    @property
    def settings(self) -> Settings:
        """As they hold now."""
        return self._settings

    def start(self) -> None:
        """Compare the inbox with the spool, listen, then adopt what has no row."""
        settings = self._settings
        make_private(settings.node.state_dir)
        spool, quarantine = Spool(settings.spool_dir), Spool(settings.quarantine_dir)
        spool.prepare()
        quarantine.prepare()
        self._inbox = Inbox(settings.inbox_path)
        try:
            found = recover(self._inbox, spool, quarantine, self._clock)
            quota = Quota(settings.outbox_dir, settings.limits.outbox_quota_bytes)
            self._store = Store(
                self._inbox,
                spool,
                quarantine,
                settings.limits.min_free_bytes,
                self._clock,
                lambda outcome: self._tally.count(f"answered {outcome}"),
                self._transfers,
                quota.least_free,
            )
            self._spool, self._quarantine = spool, quarantine
            self._releases = ReleaseFolder(settings.releases_dir)
            contexts = [*supported_contexts(), *report_contexts()]
            self._door = Door(
                settings, self._peers, self._alerts, contexts, self._handlers(), self._on_end, self._beat
            )
            self._releases.prepare()
            self._recorder.open()
            self._adoption = Adoption(self._inbox, spool, quarantine, self._store.lock_of, self._clock)
            self._adopter = threading.Thread(
                target=self._adoption.run, args=[found], name="adopt", daemon=True
            )
            self._door.open()
            self._adopter.start()
        except BaseException:
            self._inbox.close()
            raise

    def _handlers(self) -> list[evt.EventHandlerType]:
        return [
            (evt.EVT_REQUESTED, self._on_requested),
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_N_EVENT_REPORT, Reports(self._inbox, self._clock)),
        ]

    def reload(self, settings: Settings) -> None:
        """Take over who may send, what is kept for how long, and the audit trail; open associations go on."""
        before, self._settings = self._settings, settings
        self._peers.replace(settings.sources, reporters(settings))
        self._door.take_over(self._peers)
        if settings.audit != before.audit:
            self._recorder.take_over(settings)

    def purge(self) -> InboxPlan | None:
        """Remove what retention lets go; returns what it was, or None where the clock cannot be trusted."""
        self._watch.step_s()
        if not self._watch.is_trusted():
            log.logger.warning("purge.held")
            return None
        return self._purging().run()

    def release(self) -> None:
        """Let go of the series that people asked to be let go of."""
        if self._releases.waiting():
            self._purging().release(self._releases)

    def _purging(self) -> InboxPurge:
        return InboxPurge(
            self._settings, self._inbox, self._spool, self._quarantine, self._store, self._clock
        )

    def is_alive(self) -> bool:
        """Say whether connections are taken; asks the inbox and its disk, and hangs where these hang."""
        self._inbox.find("")
        free_bytes(self._spool.folder)
        return time.monotonic() - self._beaten_at < _STALLED_S

    def stop(self) -> None:
        """Take no new associations, let those at work finish within `drain_s`, then close."""
        self._door.close(self._settings.limits.drain_s)
        self._adoption.end()
        self._adopter.join()
        self._inbox.close_all_associations(self._clock())
        self._inbox.close()
        self._recorder.close()
        self._pulse.end()
        log.logger.info("receive.stopped")

    def _beat(self) -> None:
        """Say that the receiver lives; called when each loop that takes connections in has come round."""
        if (now := time.monotonic()) - self._beaten_at < BEAT_S:
            return
        self._beaten_at = now
        oldest = self._tally.oldest()
        answered_at = self._clock() if oldest is None else oldest
        self._pulse.beat("ready", {"answers": answered_at}, self._tally.counts())

    def _on_requested(self, event: evt.Event) -> None:
        """Reject an association of a calling AE, address, certificate or called AE that is not known.

        pynetdicom takes an association whose handler raised: where nobody can say who asks, nobody gets in.
        """
        try:
            rejection = self._rejection(event)
        except Exception:
            log.logger.error("association.failed", exc_info=True)
            rejection = NO_REASON_GIVEN
        if rejection is None:
            return
        assoc, code = event.assoc, "/".join(map(str, rejection))
        request = assoc.requestor.primitive
        assoc.acse.send_reject(*rejection)
        try:
            self._alerts.rejected(assoc.caller.host, code, request.calling_ae_title, request.called_ae_title)
        finally:
            assoc.kill()

    def _rejection(self, event: evt.Event) -> Rejection | None:
        """How to reject who asks, or None.

        A destination that is no source may report what it has committed to, and store nothing. A peer that
        takes PDUs too short for one byte of a message (PS3.8 D.1) could not be answered.
        """
        if 0 < (event.assoc.requestor.maximum_length or 0) <= _PDV_HEAD:
            return NO_REASON_GIVEN
        request, caller = event.assoc.requestor.primitive, event.assoc.caller
        calling_ae, address = request.calling_ae_title, str(caller.address[0])
        rejection = self._peers.rejection(calling_ae, request.called_ae_title, address, caller.certificate)
        if rejection is None and not self._peers.may_store(calling_ae, address, caller.certificate):
            event.assoc.acceptor.supported_contexts = [*verification_contexts(), *report_contexts()]
        return rejection

    def _on_store(self, event: evt.Event) -> Dataset | int:
        """Answer a C-STORE request."""
        try:
            with self._tally.answering(self._clock()):
                refusal = self._store(self._request(event))
        except Exception:
            # Nothing is acknowledged that was not stored, whatever it was that went wrong.
            log.logger.error("instance.failed", code=OUT_OF_RESOURCES.code, exc_info=True)
            refusal = OUT_OF_RESOURCES
        finally:
            if event.request.DataSet is not None:  # else a long one keeps its room until garbage is collected
                with suppress(OSError):
                    event.request.DataSet.close()
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
            self._transfers.ended(record)
            self._unclosed[record.id] = self._clock()
            self._close_rows()
            log.logger.info("association.closed", association=record.id)

    def _close_rows(self) -> None:
        """Close the rows of associations that have ended, also earlier ones whose turn the disk spoilt."""
        for association_id, at in list(self._unclosed.items()):
            try:
                self._inbox.close_association(association_id, at)
            except sqlite3.Error as error:
                log.logger.error("association.not_closed", association=association_id, **log.describe(error))
            else:
                self._unclosed.pop(association_id, None)


def _answer(refusal: Refusal) -> Dataset:
    answer = Dataset()
    answer.Status = refusal.status
    answer.ErrorComment = refusal.comment
    return answer
