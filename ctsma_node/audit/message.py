"""An audit message as XML by the schema of PS3.15 A.5.1, on one line and in ASCII."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple
from xml.etree import ElementTree as ET


class Code(NamedTuple):
    """A coded value: its code, who defines it, what it means."""

    value: str
    scheme: str
    meaning: str


class Outcome(Enum):
    """EventOutcomeIndicator."""

    SUCCESS = "0"
    MINOR = "4"  # of an alert: what was done against it was enough


@dataclass(frozen=True, slots=True)
class Participant:
    """An ActiveParticipant: a process, and where it is on the network."""

    user: str  # AE title
    is_requestor: bool
    role: Code | None = None
    host: str = ""  # IP address or host name; "": not told

    def write(self, message: ET.Element) -> None:
        """Add it to a message."""
        attributes = {"UserID": self.user, "UserIsRequestor": "true" if self.is_requestor else "false"}
        if self.host:
            is_address = ":" in self.host or self.host.replace(".", "").isdigit()
            attributes["NetworkAccessPointID"] = self.host
            attributes["NetworkAccessPointTypeCode"] = "2" if is_address else "1"
        element = ET.SubElement(message, "ActiveParticipant", attributes)
        if self.role is not None:
            _coded(element, "RoleIDCode", self.role)


@dataclass(frozen=True, slots=True)
class Object:
    """A ParticipantObjectIdentification: what the event is about."""

    id: str
    id_type: Code
    type: str  # 1 person, 2 system object
    role: str  # 1 patient, 3 report, 13 security resource
    name: str = ""
    detail: tuple[str, str] | None = None  # kind and text
    instances: Mapping[str, int] = field(default_factory=dict)  # number by SOP Class UID

    def write(self, message: ET.Element) -> None:
        """Add it to a message."""
        attributes = {
            "ParticipantObjectID": self.id,
            "ParticipantObjectTypeCode": self.type,
            "ParticipantObjectTypeCodeRole": self.role,
        }
        element = ET.SubElement(message, "ParticipantObjectIdentification", attributes)
        _coded(element, "ParticipantObjectIDTypeCode", self.id_type)
        ET.SubElement(element, "ParticipantObjectName").text = self.name
        if self.detail is not None:
            kind, text = self.detail
            value = base64.b64encode(text.encode()).decode()
            ET.SubElement(element, "ParticipantObjectDetail", {"type": kind, "value": value})
        if self.instances:
            description = ET.SubElement(element, "ParticipantObjectDescription")
            for sop_class, number in sorted(self.instances.items()):
                ET.SubElement(description, "SOPClass", {"UID": sop_class, "NumberOfInstances": str(number)})


@dataclass(frozen=True, slots=True)
class Event:
    """What happened."""

    id: Code
    action: str  # C create, R read, U update, D delete, E execute
    at: float  # seconds since 1970
    participants: Sequence[Participant]
    outcome: Outcome = Outcome.SUCCESS
    type: Code | None = None
    objects: Sequence[Object] = ()


def encode(event: Event, source_id: str, site_id: str = "") -> bytes:
    """The event as an AuditMessage; `source_id` names the process that reports it."""
    message = ET.Element("AuditMessage")
    attributes = {
        "EventActionCode": event.action,
        "EventDateTime": datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds"),
        "EventOutcomeIndicator": event.outcome.value,
    }
    identification = ET.SubElement(message, "EventIdentification", attributes)
    _coded(identification, "EventID", event.id)
    if event.type is not None:
        _coded(identification, "EventTypeCode", event.type)
    for participant in event.participants:
        participant.write(message)
    source = {"AuditSourceID": source_id} | ({"AuditEnterpriseSiteID": site_id} if site_id else {})
    # 4: an application server process (PS3.15 A.5.1.2.1)
    ET.SubElement(
        ET.SubElement(message, "AuditSourceIdentification", source), "AuditSourceTypeCode", {"csd-code": "4"}
    )
    for each in event.objects:
        each.write(message)
    return bytes(ET.tostring(message, encoding="us-ascii")).replace(b"\n", b" ")


def _coded(parent: ET.Element, name: str, code: Code) -> None:
    attributes = {"csd-code": code.value, "codeSystemName": code.scheme, "originalText": code.meaning}
    ET.SubElement(parent, name, attributes)
