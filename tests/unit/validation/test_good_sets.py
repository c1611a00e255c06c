"""Sets that are as they should be: no check finds anything, whatever the source's headers were."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from pydicom import config
from pydicom.dataset import Dataset

from ctsma_node.analysis.result import AnalysisResult, KneeNotAnalysed, Side
from ctsma_node.report import DEFAULT_OBJECTS, NodeIdentity, build_set
from ctsma_node.validation import check_files, check_set
from tests.unit.report.knee_results import analysis, source_headers
from tests.unit.validation.planted import Written, few_subregions


def findings(
    result: AnalysisResult, headers: tuple[Dataset, ...], node: NodeIdentity, folder: Path, **more: Any
) -> list[str]:
    objects = build_set(result, headers, node=node, **more)
    written = Written.of(objects, folder, headers)
    return [str(each) for each in check_set(written.paths(), result, headers)]


def test_two_whole_knees(node: NodeIdentity, tmp_path: Path) -> None:
    result = analysis(Side.LEFT, Side.RIGHT)
    assert findings(result, source_headers(40), node, tmp_path) == []


@pytest.mark.parametrize("kind", sorted(DEFAULT_OBJECTS))
def test_a_set_of_one_kind(node: NodeIdentity, tmp_path: Path, kind: str) -> None:
    assert findings(few_subregions(), source_headers(40), node, tmp_path, objects=frozenset({kind})) == []


def test_the_same_files_as_files_of_any_make(left: Written) -> None:
    assert check_files(left.paths()).findings == ()
    assert check_files(left.paths(), left.headers).findings == ()


def test_a_revision_that_names_its_predecessor(node: NodeIdentity, tmp_path: Path) -> None:
    first = build_set(few_subregions(), source_headers(40), node=node)
    predecessor = [each.reference for each in first]
    headers = source_headers(41)
    assert findings(few_subregions(), headers, node, tmp_path, revision=2, predecessor=predecessor) == []


def test_a_knee_that_was_not_analysed(node: NodeIdentity, tmp_path: Path) -> None:
    other = KneeNotAnalysed(Side.RIGHT, "metal_implant", "an implant fills the joint")
    result = analysis(Side.LEFT, not_analysed=(other,))
    objects = frozenset({"viewer_report"})
    assert findings(result, source_headers(40), node, tmp_path, objects=objects) == []


def test_a_tilted_grid(node: NodeIdentity, tmp_path: Path) -> None:
    result = analysis(Side.LEFT, tilt_deg=11.0)
    objects = frozenset({"parametric_map"})
    assert findings(result, source_headers(40), node, tmp_path, objects=objects) == []


def item(**values: Any) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


HEADERS: list[dict[str, Any]] = [
    {"multi_frame": True},
    {"PatientSex": "X", "PatientBirthDate": "1955"},
    {"StudyID": None, "AccessionNumber": None, "PatientBirthDate": None, "ReferringPhysicianName": None},
    {"PatientID": "P" * 70},
    {"PatientName": "Tarou"},
    {"FrameOfReferenceUID": None},
    {"StudyTime": "99", "StudyDate": ""},
    {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"},
    {"SpecificCharacterSet": "GB18030", "PatientName": "Wang^XiaoDong=王^小东="},
    {"PatientName": "", "PatientID": ""},
    {"StudyDescription": "Knie links  "},
    {"LossyImageCompression": "01", "LossyImageCompressionRatio": "10"},
    {"LossyImageCompression": "01"},
    {"StudyInstanceUID": "1.2.03.4", "FrameOfReferenceUID": "1.2.840.00.1"},
    {"SeriesInstanceUID": "1.02.3"},
    {"StudyInstanceUID": "1." + "2" * 80},
    {"AccessionNumber": "A" * 20, "StudyID": "S" * 20, "StudyDescription": "D" * 100},
    {"IssuerOfPatientID": "I" * 70, "EthnicGroup": "E" * 20, "AdmissionID": "N" * 70},
    {"PatientName": "A^B^C^D^E^F^G", "ReferringPhysicianName": "N" * 70},
    {"PatientID": "A\\B", "PatientName": "A\\B"},
    {"StudyDescription": "first\nsecond\tthird"},
    {"Manufacturer": "M" * 80, "InstitutionName": "I" * 80, "StationName": "S" * 30},
    {"SoftwareVersions": ["1", "2" * 70]},
    {"StudyTime": "235960", "StudyDate": "20260230", "PatientBirthDate": "1955.03.12"},
    {"PatientAge": "71Y", "PatientSize": None},
    {"TimezoneOffsetFromUTC": "0100", "PatientPosition": "supine"},
    {"OtherPatientIDsSequence": [Dataset()]},
    {"ProcedureCodeSequence": [item(CodeValue="", CodingSchemeDesignator="99X", CodeMeaning="")]},
    {"IssuerOfAccessionNumberSequence": [item()]},
    {"ClinicalTrialProtocolID": "P" * 70},
]


@pytest.mark.parametrize("changes", HEADERS, ids=[", ".join(each) for each in HEADERS])
@pytest.mark.filterwarnings("ignore")  # pydicom's, of the headers made here
def test_odd_headers_of_the_source(
    node: NodeIdentity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    monkeypatch.setattr(config.settings, "writing_validation_mode", config.IGNORE)
    headers = source_headers(3, **changes)
    objects = frozenset({"parametric_map", "viewer_report", "picture"})
    assert findings(few_subregions(), headers, node, tmp_path, objects=objects) == []


@pytest.mark.filterwarnings("error")  # a warning would quote a value
def test_no_bytes_make_the_checks_fail(left: Written, tmp_path: Path) -> None:
    """Mutants of good files, as fuzzing makes them: judged, not stumbled over."""
    chance = random.Random(7)
    kinds = ["volume", "viewer_report", "parametric_map"]
    contents = [left.files[kind][0].read_bytes() for kind in kinds]
    faulty = 0
    for _ in range(300):
        content = bytearray(chance.choice(contents))
        for _ in range(chance.choice([1, 3])):
            place = chance.randrange(128, min(len(content), 20_000))
            kind = chance.randrange(3)
            if kind == 0:
                content[place] = chance.randrange(256)
            elif kind == 1:
                del content[place : place + chance.choice([1, 2, 8])]
            else:
                content[place:place] = chance.randbytes(2)
        path = tmp_path / "mutant.dcm"
        path.write_bytes(content)
        faulty += bool(check_files([path]).findings)
    assert faulty > 200
