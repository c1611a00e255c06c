"""What a real receiver and a real courier write into their audit trails."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pydicom import uid
from pynetdicom import AE

from ctsma_node.audit import Recorder
from ctsma_node.config import DestinationSettings, Settings, SourceSettings
from ctsma_node.config.settings import AuditSettings, LimitSettings, NodeSettings
from ctsma_node.deliver import Answer, Outcome, read_outgoing
from ctsma_node.receive.server import Receiver
from ctsma_node.worker.dispatches import Dispatches
from tests.acceptance.site import until
from tests.fixtures import raw_peer as raw
from tests.fixtures.encoded import changed, ct_slice
from tests.integration.test_receive import with_meta

STUDY = str(ct_slice().StudyInstanceUID)
CT = str(uid.CTImageStorage)


def settings_in(folder: Path, *, patient_ids: bool = False) -> Settings:
    return Settings(
        node=NodeSettings(port=0, state_dir=folder / "state"),
        sources=(SourceSettings(ae_title="SOURCE", addresses=("127.0.0.1",)),),
        limits=LimitSettings(min_free_bytes=0, acse_s=1.0),
        audit=AuditSettings(patient_ids=patient_ids),
    )


def messages(settings: Settings, process: str) -> list[ET.Element]:
    files = sorted((settings.audit_dir / process).glob("*.log"))
    lines = [line for path in files for line in path.read_bytes().splitlines()]
    return [ET.fromstring(line[line.index(b"<AuditMessage") :]) for line in lines]


def kind(message: ET.Element) -> tuple[str, str, str]:
    """Event, action, outcome."""
    event = message.find("EventIdentification")
    found = message.find("EventIdentification/EventID")
    assert event is not None
    assert found is not None
    return (
        found.attrib["originalText"],
        event.attrib["EventActionCode"],
        event.attrib["EventOutcomeIndicator"],
    )


def subjects(message: ET.Element) -> list[str]:
    return [each.attrib["ParticipantObjectID"] for each in message.iter("ParticipantObjectIdentification")]


def described(message: ET.Element) -> str:
    (detail,) = message.iter("ParticipantObjectDetail")
    return base64.b64decode(detail.attrib["value"]).decode()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[Receiver, Settings]]]:
    running: list[Receiver] = []

    def begin(**audit: bool) -> tuple[Receiver, Settings]:
        settings = settings_in(tmp_path, **audit)
        running.append(Receiver(settings))
        running[-1].start()
        return running[-1], settings

    yield begin
    for each in running:
        each.stop()


def send(receiver: Receiver, *numbers: int, **bad: int) -> None:
    ae = AE(ae_title="SOURCE")
    ae.add_requested_context(CT, uid.ExplicitVRLittleEndian)
    assoc = ae.associate("127.0.0.1", receiver.port, ae_title="CTSMA")
    for number in numbers:
        assoc.send_c_store(with_meta(ct_slice(number)))
    if bad:
        assoc.send_c_store(with_meta(changed(ct_slice(99), **bad)))
    assoc.release()


def test_received_instances_are_told_by_study(start: Callable[..., tuple[Receiver, Settings]]) -> None:
    receiver, settings = start()
    send(receiver, 1, 2, 3)
    until(lambda: len(messages(settings, "receive")) == 3, "three messages", 10)
    send(receiver, 1, Rows=99)
    until(lambda: len(messages(settings, "receive")) == 6, "six messages", 10)
    found = messages(settings, "receive")
    assert [kind(each) for each in found] == [
        ("Application Activity", "E", "0"),
        ("Begin Transferring DICOM Instances", "E", "0"),
        ("DICOM Instances Transferred", "C", "0"),
        ("Begin Transferring DICOM Instances", "E", "0"),
        ("Security Alert", "E", "4"),
        ("DICOM Instances Transferred", "R", "4"),
    ]
    assert [subjects(each) for each in found[1:3]] == [[STUDY]] * 2
    (counted,) = found[2].iter("SOPClass")
    assert counted.attrib == {"UID": CT, "NumberOfInstances": "3"}
    assert described(found[4]) == "truncated_pixel_data"
    assert "SECRET" not in "".join(ET.tostring(each, "unicode") for each in found)


def test_patient_ids_are_there_where_they_are_asked_for(
    start: Callable[..., tuple[Receiver, Settings]],
) -> None:
    receiver, settings = start(patient_ids=True)
    send(receiver, 1)
    until(lambda: len(messages(settings, "receive")) == 3, "three messages", 10)
    assert [subjects(each) for each in messages(settings, "receive")[1:]] == [[STUDY, "SECRET-ID"]] * 2


def test_other_settings_are_taken_over_also_by_what_is_under_way(
    start: Callable[..., tuple[Receiver, Settings]],
) -> None:
    """An association that began by the old settings ends by the new ones."""
    receiver, settings = start(patient_ids=True)
    ae = AE(ae_title="SOURCE")
    ae.add_requested_context(CT, uid.ExplicitVRLittleEndian)
    assoc = ae.associate("127.0.0.1", receiver.port, ae_title="CTSMA")
    assoc.send_c_store(with_meta(ct_slice(1)))
    receiver.reload(settings.model_copy(update={"audit": AuditSettings(patient_ids=False, site_id="new")}))
    assoc.release()
    until(lambda: len(messages(settings, "receive")) == 5, "five messages", 30)
    found = messages(settings, "receive")
    assert [subjects(each) for each in found] == [[], [STUDY, "SECRET-ID"], [], [], [STUDY]]
    sites = [each.attrib.get("AuditEnterpriseSiteID") for each in found[-1].iter("AuditSourceIdentification")]
    assert sites == ["new"]
    receiver.reload(settings.model_copy(update={"audit": AuditSettings(enabled=False)}))
    send(receiver, 2)
    assert len(messages(settings, "receive")) == 6  # the end of the trail


def test_who_was_not_let_in_is_told_and_not_without_end(
    start: Callable[..., tuple[Receiver, Settings]],
) -> None:
    receiver, settings = start()
    for _ in range(15):
        with socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as peer:
            peer.sendall(raw.associate_rq("NOBODY"))
            assert raw.read_pdu(peer) == (3, b"\0\1\1\3")
    alerts = [each for each in messages(settings, "receive") if kind(each)[0] == "Security Alert"]
    assert len(alerts) == 10
    assert subjects(alerts[0]) == ["NOBODY@127.0.0.1"]
    assert described(alerts[0]) == "association.rejected 1/1/3"


def test_sent_instances_are_told_set_by_set(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    destination = DestinationSettings(name="pacs", ae_title="PACS", host="pacs.example", port=104)
    paths = [tmp_path / f"{number}.dcm" for number in range(2)]
    for number, path in enumerate(paths):
        with_meta(ct_slice(number)).save_as(path, enforce_file_format=True)
    outgoing = [read_outgoing(path) for path in paths]
    dispatches = Dispatches(Recorder(settings, "work"), destination, settings)
    dispatches.begin(STUDY, outgoing)
    dispatches.note(Answer(outgoing[0], Outcome.DELIVERED, 0x0000, ""))
    dispatches.note(Answer(outgoing[1], Outcome.TRANSIENT, None, ""))
    dispatches.end()
    found = messages(settings, "work")
    assert [kind(each) for each in found] == [
        ("Begin Transferring DICOM Instances", "E", "0"),
        ("DICOM Instances Transferred", "R", "4"),
    ]
    users = [each.attrib["UserID"] for each in found[1].iter("ActiveParticipant")]
    assert users == ["CTSMA", "PACS"]
    (counted,) = found[1].iter("SOPClass")
    assert counted.attrib["NumberOfInstances"] == "1"
