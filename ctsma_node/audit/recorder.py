"""Writes events into the trail of a process, as the syslog lines that also go over the network."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

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
        self.clock = clock
        self.ae_title = settings.node.ae_title
        self._folder = settings.audit_dir / process
        self._process = f"ctsma-node-{process}"
        self._lock = Lock()
        self._kept = _Kept(settings, self._folder)

    @property
    def with_patients(self) -> bool:
        """Whether messages name the patient."""
        return self._kept.with_patients

    def open(self) -> None:
        """Begin, and say so."""
        self._kept.start()
        self.record(started(self.ae_title, self.clock()))

    def record(self, event: Event) -> None:
        """Write an event down. Raises nothing."""
        with self._lock:
            self._write(event)

    def take_over(self, settings: Settings) -> None:
        """Go on by other settings: the trail of those from before ends, and one of these begins."""
        after = _Kept(settings, self._folder)
        with self._lock:
            self._write(stopped(self.ae_title, self.clock()))
            before, self._kept = self._kept, after
            self._write(started(self.ae_title, self.clock()))
        before.stop()  # before the next forwarder reads how far this one came
        self._kept.start()

    def close(self) -> None:
        """Say that this is the end, and send what can still be sent."""
        self.record(stopped(self.ae_title, self.clock()))
        self._kept.stop()

    def _write(self, event: Event) -> None:
        if self._kept.trail is not None:
            source_id = f"{self.ae_title}/{self._process}"
            self._kept.trail.append(self._header(event) + encode(event, source_id, self._kept.site))

    def _header(self, event: Event) -> bytes:
        """The HEADER and an empty STRUCTURED-DATA of RFC 5424 section 6."""
        severity = _NOTICE if event.outcome is Outcome.SUCCESS else _WARNING
        at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        host = socket.gethostname()[:255] or "-"
        priority = 8 * _AUTHORIZATION + severity
        return f"<{priority}>1 {at} {host} {self._process} {os.getpid()} {_MESSAGE_ID} - ".encode(
            "ascii", "replace"
        )


class _Kept:
    """Where events go, and what they name, by one state of the settings."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        audit = settings.audit
        self.with_patients = audit.enabled and audit.patient_ids
        self.site = audit.site_id
        self.trail = Trail(folder, audit.file_bytes, audit.files) if audit.enabled else None
        self._forwarder = _forwarder(self.trail, settings) if self.trail and audit.syslog_host else None

    def start(self) -> None:
        """Begin to send."""
        if self._forwarder is not None:
            self._forwarder.start()

    def stop(self) -> None:
        """Send what can still be sent, and let go of the files."""
        if self._forwarder is not None:
            self._forwarder.stop()
        if self.trail is not None:
            self.trail.close()


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
