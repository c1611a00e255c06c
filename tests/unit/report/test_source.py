from __future__ import annotations

import io
import warnings
from typing import Any

import pytest
from pydicom import dcmread, dcmwrite

from ctsma_node.analysis.result import Side
from ctsma_node.errors import Refused
from ctsma_node.report import NodeIdentity, build_set
from ctsma_node.report.source import read_source
from tests.unit.report.knee_results import analysis, source_headers

TYPE_2 = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
]
OPTIONAL = ["PatientAge", "StudyDescription", "Manufacturer", "InstitutionName", "SeriesNumber", "SeriesTime"]


@pytest.mark.parametrize("keyword", [*TYPE_2, *OPTIONAL, "FrameOfReferenceUID", "SpecificCharacterSet"])
@pytest.mark.parametrize("value", [None, ""])
def test_absent_and_empty_attributes_are_no_obstacle(
    keyword: str, value: str | None, node: NodeIdentity
) -> None:
    changes: dict[str, Any] = {
        keyword: value,
        **({"PatientName": "Smith^John"} if "Character" in keyword else {}),
    }
    headers = source_headers(3, **changes)
    (sr,) = build_set(analysis(Side.LEFT), headers, node=node, objects=frozenset({"picture"}))
    for type_2 in TYPE_2:
        assert type_2 in sr.dataset
    dcmwrite(io.BytesIO(), sr.dataset, enforce_file_format=True)


@pytest.mark.parametrize(
    ("keyword", "bad"),
    [
        ("PatientSex", "X"),
        ("PatientBirthDate", "1955"),
        ("PatientBirthDate", "19550231"),
        ("StudyDate", "2026-11-02"),
        ("StudyTime", "25"),
        ("PatientAge", "71"),
        ("PatientWeight", "heavy"),
    ],
)
def test_values_that_break_their_representation_are_left_out(keyword: str, bad: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the header breaks the rule on purpose
        headers = source_headers(2, PatientSize=None)
        for ds in headers:
            ds[keyword] = type(ds[keyword])(ds[keyword].tag, "LO", bad)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = read_source(headers)
    assert source.patient_and_study.get(keyword, "") == ""


def test_an_identifier_that_is_too_long_stays_whole() -> None:
    long = "P" * 70
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        headers = source_headers(2, PatientID=long)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_source(headers).patient_and_study.PatientID == long


@pytest.mark.parametrize("bad", [b"x ", b".5"])
@pytest.mark.filterwarnings("ignore:.*VR.*IS")
def test_a_header_whose_number_cannot_be_read_is_no_obstacle(bad: bytes) -> None:
    headers = source_headers(1)
    buffer = io.BytesIO()
    dcmwrite(buffer, headers[0], enforce_file_format=True)
    broken = dcmread(io.BytesIO(buffer.getvalue().replace(b"IS\x02\x005 ", b"IS\x02\x00" + bad)))
    assert read_source([broken]).series_number == "-"


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 101", "Dvořák^Antonín"),
        ("ISO_IR 144", "Жуков^Павел"),
        ("ISO_IR 126", "Διονυσιος"),
        ("ISO_IR 192", "王^小东"),
        ("GB18030", "王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    ],
)
def test_names_keep_their_letters_in_utf_8(charset: str | list[str], name: str, node: NodeIdentity) -> None:
    ascii_only: dict[str, Any] = {
        "StudyDescription": "CT",
        "ReferringPhysicianName": "",
        "InstitutionName": "H",
    }
    header = source_headers(1, SpecificCharacterSet=charset, PatientName=name, **ascii_only)[0]
    sent = io.BytesIO()
    dcmwrite(sent, header, enforce_file_format=True)
    received = dcmread(io.BytesIO(sent.getvalue()))
    objects = build_set(
        analysis(Side.LEFT), [received], node=node, objects=frozenset({"viewer_report", "picture"})
    )
    for obj in objects[-2:]:
        written = io.BytesIO()
        dcmwrite(written, obj.dataset, enforce_file_format=True)
        back = dcmread(io.BytesIO(written.getvalue()))
        assert back.SpecificCharacterSet == "ISO_IR 192"
        assert str(back.PatientName) == name
        assert back.InstitutionName == "Klinikum Süd"


def test_headers_are_not_changed() -> None:
    headers = source_headers(3, PatientSex=None)
    before = [ds.to_json() for ds in headers]
    read_source(headers)
    assert [ds.to_json() for ds in headers] == before


def test_the_instant_is_the_latest_of_the_source() -> None:
    headers = source_headers(3)
    headers[1].AcquisitionTime = "235959"
    assert read_source(headers).instant == ("20261102", "235959")


def test_the_instant_falls_back_to_what_is_there() -> None:
    nothing: dict[str, Any] = dict.fromkeys(("AcquisitionTime", "SeriesTime", "StudyTime"))
    assert read_source(source_headers(2, AcquisitionDate=None)).instant == ("20261102", "101730.25")
    assert read_source(source_headers(2, **nothing)).instant == ("19000101", "000000")


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_a_source_that_cannot_be_referred_to_is_refused(keyword: str) -> None:
    missing: dict[str, Any] = {keyword: ""}
    with pytest.raises(Refused) as refusal:
        read_source(source_headers(2, **missing))
    assert refusal.value.code == "missing_uid"


def test_results_share_a_space_even_without_a_frame_of_reference() -> None:
    first, second = (read_source(source_headers(n, FrameOfReferenceUID=None)) for n in (2, 3))
    assert first.frame_of_reference_uid == second.frame_of_reference_uid
    assert first.frame_of_reference_uid.startswith("2.25.")
