from __future__ import annotations

import io
from typing import Any

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.uid import JPEG2000

from ctsma_node.errors import Refused
from ctsma_node.report.source import read_source
from tests.unit.report.knee_results import source_headers

OPTIONAL = ["PatientAge", "StudyDescription", "Manufacturer", "InstitutionName", "SeriesNumber", "SeriesTime"]


@pytest.mark.parametrize("keyword", [*OPTIONAL, "FrameOfReferenceUID", "SpecificCharacterSet"])
@pytest.mark.parametrize("value", [None, ""])
def test_absent_and_empty_attributes_are_no_obstacle(keyword: str, value: str | None) -> None:
    changes: dict[str, Any] = {keyword: value}
    assert read_source(source_headers(3, **changes)).instances


@pytest.mark.parametrize("bad", [b"x ", b".5"])
@pytest.mark.filterwarnings("ignore:.*VR.*IS")
def test_a_header_whose_number_cannot_be_read_is_no_obstacle(bad: bytes) -> None:
    headers = source_headers(1)
    buffer = io.BytesIO()
    dcmwrite(buffer, headers[0], enforce_file_format=True)
    broken = dcmread(io.BytesIO(buffer.getvalue().replace(b"IS\x02\x005 ", b"IS\x02\x00" + bad)))
    assert read_source([broken]).series_number == "-"


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
    assert read_source(source_headers(2, **nothing)).instant == ("20261102", "000000")


@pytest.mark.parametrize(
    ("there", "instant"),
    [
        ({"StudyDate": "20260314"}, ("20260314", "000000")),
        ({"StudyDate": "20260314", "AcquisitionDateTime": "20260315101500.5+0100"}, ("20260315", "101500.5")),
        ({"AcquisitionDate": "20260314", "SeriesTime": "0915"}, ("20260314", "0915")),
        ({"AcquisitionDateTime": "20260315"}, ("20260315", "000000")),
        ({"AcquisitionDateTime": "2026", "StudyTime": "101500"}, ("19000101", "000000")),
    ],
)
def test_a_date_counts_without_its_time(there: dict[str, str], instant: tuple[str, str]) -> None:
    kinds = ("Acquisition", "Series", "Study")
    nothing: dict[str, Any] = {f"{kind}{what}": None for kind in kinds for what in ("Date", "Time")}
    assert read_source(source_headers(2, **(nothing | there))).instant == instant


def test_what_one_image_leaves_out_is_taken_from_the_next() -> None:
    headers = source_headers(3)
    wanted = read_source(headers)
    for keyword in ("FrameOfReferenceUID", "AccessionNumber", "PatientName", "StudyDate", "SeriesNumber"):
        del headers[0][keyword]
    found = read_source(headers)
    assert found.patient_and_study == wanted.patient_and_study
    assert found.frame_of_reference_uid == wanted.frame_of_reference_uid
    assert found.series_number == wanted.series_number


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_a_source_that_cannot_be_referred_to_is_refused(keyword: str) -> None:
    missing: dict[str, Any] = {keyword: ""}
    with pytest.raises(Refused) as refusal:
        read_source(source_headers(2, **missing))
    assert refusal.value.code == "missing_uid"


def test_a_space_is_named_as_the_source_names_it() -> None:
    odd = "1.2.0826.0.1"  # as scanners write them: the archive holds the images under it
    assert read_source(source_headers(FrameOfReferenceUID=odd)).frame_of_reference_uid == odd


@pytest.mark.parametrize(
    ("first", "others", "said"),
    [
        ({"LossyImageCompression": "00"}, {"LossyImageCompression": "01"}, "01"),
        ({"LossyImageCompression": "1"}, {}, "01"),
        ({}, {}, None),
    ],
)
def test_what_any_image_lost_is_lost(first: dict[str, str], others: dict[str, str], said: str | None) -> None:
    headers = source_headers()
    for number, header in enumerate(headers):
        for keyword, value in (first if number == 0 else others).items():
            setattr(header, keyword, value)
    headers[-1].LossyImageCompressionRatio = "12"
    lossy = read_source(headers).lossy
    assert lossy.get("LossyImageCompression") == said


def test_an_encoding_that_loses_something_needs_no_flag() -> None:
    headers = source_headers()
    headers[-1].file_meta.TransferSyntaxUID = JPEG2000
    assert read_source(headers).lossy.LossyImageCompression == "01"


def test_results_share_a_space_even_without_a_frame_of_reference() -> None:
    first, second = (read_source(source_headers(n, FrameOfReferenceUID=None)) for n in (2, 3))
    assert first.frame_of_reference_uid == second.frame_of_reference_uid
    assert first.frame_of_reference_uid.startswith("2.25.")
