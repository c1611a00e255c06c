"""Writes events into the trail of a process, as the syslog lines that also go over the network."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime

from ctsma_node.audit.events import started, stopped
from ctsma_node.audit.message import Event, Outcome, encode
from ctsma_node.audit.syslog import Forwarder
from ctsma_node.audit.trail import Trail
from ctsma_node.config import Settings
from ctsma_node.tls import ClientContext

_AUTHORIZATION = 10  # facility: security and authorization messages (RFC 5424 table 1)
_NOTICE, _WARNING = 5, 4  # severities (table 2); PS3.15 A.6 asks for these two
_MESSAGE_ID = "DICOM+RFC3881"


class Recorder:
    """The audit trail of one process of the node. Nothing that goes wrong with it stops the process."""

    def __init__(self, settings: Settings, process: str, clock: Callable[[], float] = time.time) -> None:
        """`process` names the trail's folder and, in each message, who reports."""
        audit = settings.audit
        self.clock = clock
        self.ae_title = settings.node.ae_title
        self.with_patients = audit.enabled and audit.patient_ids
        self._process = f"ctsma-node-{process}"
        self._site = audit.site_id
        self._trail: Trail | None = None
        self._forwarder: Forwarder | None = None
        if audit.enabled:
            self._trail = Trail(settings.audit_dir / process, audit.file_bytes, audit.files)
            if audit.syslog_host:
                self._forwarder = _forwarder(self._trail, settings)

    def open(self) -> None:
        """Begin, and say so."""
        if self._forwarder is not None:
            self._forwarder.start()
        self.record(started(self.ae_title, self.clock()))

    def record(self, event: Event) -> None:
        """Write an event down. Raises nothing."""
        if self._trail is not None:
            source_id = f"{self.ae_title}/{self._process}"
            self._trail.append(self._header(event) + encode(event, source_id, self._site))

    def close(self) -> None:
        """Say that this is the end, and send what can still be sent."""
        self.record(stopped(self.ae_title, self.clock()))
        if self._forwarder is not None:
            self._forwarder.stop()
        if self._trail is not None:
            self._trail.close()

    def _header(self, event: Event) -> bytes:
        """The HEADER and an empty STRUCTURED-DATA of RFC 5424 section 6."""
        severity = _NOTICE if event.outcome is Outcome.SUCCESS else _WARNING
        at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        host = socket.gethostname()[:255] or "-"
        priority = 8 * _AUTHORIZATION + severity
        return f"<{priority}>1 {at} {host} {self._process} {os.getpid()} {_MESSAGE_ID} - ".encode(
            "ascii", "replace"
        )


def _forwarder(trail: Trail, settings: Settings) -> Forwarder:
    audit, own = settings.audit, settings.tls
    tls = ClientContext(
        ca=audit.syslog_ca or own.ca,
        name=audit.syslog_host,
        certificate=own.certificate,
        key=own.key,
        crl="" if audit.syslog_ca else own.crl,
    )
    return Forwarder(trail, audit.syslog_host, audit.syslog_port, tls)
