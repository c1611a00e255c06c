"""The events that the node reports, each by its table of PS3.15 A.5.3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ctsma_node.audit.message import Code, Event, Object, Outcome, Participant

_APPLICATION_ACTIVITY = Code("110100", "DCM", "Application Activity")
_BEGIN_TRANSFERRING = Code("110102", "DCM", "Begin Transferring DICOM Instances")
_TRANSFERRED = Code("110104", "DCM", "DICOM Instances Transferred")
_SECURITY_ALERT = Code("110113", "DCM", "Security Alert")

_START = Code("110120", "DCM", "Application Start")
_STOP = Code("110121", "DCM", "Application Stop")
_NODE_AUTHENTICATION = Code("110126", "DCM", "Node Authentication")
_QUARANTINE = Code("QUARANTINE", "99CTSMA", "Instance set aside")
"""DCID 403 has nothing for bytes that came from a known peer and could not become an instance."""

_APPLICATION = Code("110150", "DCM", "Application")
_DESTINATION_ROLE = Code("110152", "DCM", "Destination Role ID")
_SOURCE_ROLE = Code("110153", "DCM", "Source Role ID")
_STUDY = Code("110180", "DCM", "Study Instance UID")
_NODE_ID = Code("110182", "DCM", "Node ID")
_PATIENT = Code("2", "RFC-3881", "Patient Number")

_PERSON, _SYSTEM = "1", "2"
_AS_PATIENT, _AS_REPORT, _AS_SECURITY_RESOURCE = "1", "3", "13"


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two who exchange instances."""

    ae_title: str
    host: str = ""  # IP address or host name
    is_requestor: bool = False  # opened the association

    def _as(self, role: Code) -> Participant:
        return Participant(self.ae_title, self.is_requestor, role, self.host)


def started(ae_title: str, at: float) -> Event:
    """Application Activity (A.5.3.1): the process began to serve."""
    return _activity(ae_title, _START, at)


def stopped(ae_title: str, at: float) -> Event:
    """Application Activity: the process ended as it was asked to."""
    return _activity(ae_title, _STOP, at)


def begun(source: Party, destination: Party, study_uid: str, at: float, patient: str | None = None) -> Event:
    """Begin Transferring DICOM Instances (A.5.3.3)."""
    return Event(
        _BEGIN_TRANSFERRING,
        "E",
        at,
        [source._as(_SOURCE_ROLE), destination._as(_DESTINATION_ROLE)],
        objects=_about(study_uid, {}, patient),
    )


def transferred(
    source: Party,
    destination: Party,
    study_uid: str,
    instances: Mapping[str, int],
    at: float,
    action: Literal["C", "R"] = "C",
    complete: bool = True,
    patient: str | None = None,
) -> Event:
    """DICOM Instances Transferred (A.5.3.7); `instances` are numbers by SOP Class UID.

    Action C: the receiver did not hold them; R: it did, or whoever reports cannot know.
    """
    return Event(
        _TRANSFERRED,
        action,
        at,
        [source._as(_SOURCE_ROLE), destination._as(_DESTINATION_ROLE)],
        Outcome.SUCCESS if complete else Outcome.MINOR,
        objects=_about(study_uid, instances, patient),
    )


def alerted(
    ae_title: str, peer: Party, code: str, at: float, *, quarantine: bool = False, repeated: int = 0
) -> Event:
    """Security Alert (A.5.3.11): a peer that was not let in, or bytes that were set aside."""
    text = code if not repeated else f"{code}; {repeated} more of its kind before"
    who = f"{peer.ae_title}@{peer.host}" if peer.ae_title else peer.host
    return Event(
        _SECURITY_ALERT,
        "E",
        at,
        [Participant(ae_title, False, _APPLICATION), Participant(peer.ae_title or peer.host, False)],
        Outcome.MINOR,
        _QUARANTINE if quarantine else _NODE_AUTHENTICATION,
        [Object(who, _NODE_ID, _SYSTEM, _AS_SECURITY_RESOURCE, detail=("Alert Description", text))],
    )


def _activity(ae_title: str, kind: Code, at: float) -> Event:
    return Event(_APPLICATION_ACTIVITY, "E", at, [Participant(ae_title, False, _APPLICATION)], type=kind)


def _about(study_uid: str, instances: Mapping[str, int], patient: str | None) -> list[Object]:
    study = Object(study_uid, _STUDY, _SYSTEM, _AS_REPORT, instances=instances)
    if patient is None:
        return [study]
    return [study, Object(patient, _PATIENT, _PERSON, _AS_PATIENT)]
