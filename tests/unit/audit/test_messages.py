"""Audit messages have the shape of PS3.15 A.5.1 and the content of the tables of A.5.3."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree as ET

import pytest
from pydicom.sr._concepts_dict import concepts

from ctsma_node.audit import Party, alerted, begun, started, stopped, transferred
from ctsma_node.audit.message import Event, encode

US, PACS = Party("CTSMA", "192.0.2.1"), Party("PACS", "pacs.example", is_requestor=True)
CT, SR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.34"
EVENTS = {
    "started": started("CTSMA", 0.0),
    "stopped": stopped("CTSMA", 0.0),
    "begun": begun(PACS, US, "1.2.3", 0.0, "Müller<&>"),
    "transferred": transferred(PACS, US, "1.2.3", {CT: 90, SR: 1}, 1.5, complete=False),
    "alerted": alerted("CTSMA", Party("EVIL", "192.0.2.9"), "1/1/3", 0.0, repeated=7),
    "set_aside": alerted("CTSMA", PACS, "truncated", 0.0, quarantine=True),
}

# Children in the order of the schema, and the attributes that it requires.
_ORDER = [
    "EventIdentification",
    "ActiveParticipant",
    "AuditSourceIdentification",
    "ParticipantObjectIdentification",
]
_REQUIRED = {
    "EventIdentification": {"EventDateTime", "EventOutcomeIndicator", "EventActionCode"},
    "ActiveParticipant": {"UserID", "UserIsRequestor"},
    "AuditSourceIdentification": {"AuditSourceID"},
    "ParticipantObjectIdentification": {"ParticipantObjectID", "ParticipantObjectTypeCode"},
}
_CODED = ("EventID", "EventTypeCode", "RoleIDCode", "ParticipantObjectIDTypeCode")


def parsed(event: Event) -> ET.Element:
    return ET.fromstring(encode(event, "CTSMA/ctsma-node-receive", "site"))


@pytest.mark.parametrize("name", list(EVENTS))
def test_the_schema_is_kept(name: str) -> None:
    message = parsed(EVENTS[name])
    assert message.tag == "AuditMessage"
    kinds = [child.tag for child in message]
    assert kinds == sorted(kinds, key=_ORDER.index)
    assert kinds.count("EventIdentification") == kinds.count("AuditSourceIdentification") == 1
    assert "ActiveParticipant" in kinds
    for child in message:
        assert set(child.attrib) >= _REQUIRED[child.tag]
    for each in message.iter("ParticipantObjectIdentification"):
        assert [child.tag for child in each][:2] == ["ParticipantObjectIDTypeCode", "ParticipantObjectName"]


@pytest.mark.parametrize("name", list(EVENTS))
def test_codes_mean_what_the_standard_says(name: str) -> None:
    dcm: dict[str, dict[str, tuple[str, list[int]]]] = concepts["DCM"]  # type: ignore[assignment]
    known = {code: meaning for found in dcm.values() for code, (meaning, _) in found.items()}
    for tag in _CODED:
        for each in parsed(EVENTS[name]).iter(tag):
            if each.attrib["codeSystemName"] == "DCM":
                assert known[each.attrib["csd-code"]] == each.attrib["originalText"]
            else:
                assert (each.attrib["csd-code"], each.attrib["codeSystemName"]) in {
                    ("2", "RFC-3881"),
                    ("QUARANTINE", "99CTSMA"),
                }


@pytest.mark.parametrize("name", list(EVENTS))
def test_a_message_is_one_line_of_ascii(name: str) -> None:
    assert re.fullmatch(rb"[\x20-\x7e]+", encode(EVENTS[name], "CTSMA", "ö\n"))


def test_a_transfer_names_both_sides_and_counts() -> None:
    message = parsed(EVENTS["transferred"])
    event = message.find("EventIdentification")
    assert event is not None
    assert event.attrib["EventOutcomeIndicator"] == "4"
    assert event.attrib["EventDateTime"] == "1970-01-01T00:00:01.500+00:00"
    sides = [(p.attrib["UserID"], p.find("RoleIDCode")) for p in message.iter("ActiveParticipant")]
    assert [(user, role is not None and role.attrib["csd-code"]) for user, role in sides] == [
        ("PACS", "110153"),
        ("CTSMA", "110152"),
    ]
    points = [p.attrib["NetworkAccessPointTypeCode"] for p in message.iter("ActiveParticipant")]
    assert points == ["1", "2"]  # a name, an address
    counts = {each.attrib["UID"]: each.attrib["NumberOfInstances"] for each in message.iter("SOPClass")}
    assert counts == {CT: "90", SR: "1"}
    (study,) = message.iter("ParticipantObjectIdentification")
    assert study.attrib["ParticipantObjectID"] == "1.2.3"


def test_a_patient_stands_there_only_where_one_is_given() -> None:
    _, patient = parsed(EVENTS["begun"]).iter("ParticipantObjectIdentification")
    assert patient.attrib["ParticipantObjectID"] == "Müller<&>"
    assert patient.attrib["ParticipantObjectTypeCodeRole"] == "1"


def test_an_alert_says_who_and_why() -> None:
    message = parsed(EVENTS["alerted"])
    (subject,) = message.iter("ParticipantObjectIdentification")
    assert subject.attrib["ParticipantObjectID"] == "EVIL@192.0.2.9"
    detail = subject.find("ParticipantObjectDetail")
    assert detail is not None
    assert base64.b64decode(detail.attrib["value"]) == b"1/1/3; 7 more of its kind before"
