"""What leaves for support: enough to see what happened, and not one trace of a patient or a site."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from typer.testing import CliRunner

from ctsma_node.cli import app
from ctsma_node.config import SourceSettings
from ctsma_node.config.operations import NotifySettings
from ctsma_node.config.settings import ReportSettings
from ctsma_node.errors import NodeError
from ctsma_node.export import write_case_file
from ctsma_node.export.pseudonyms import Pseudonyms
from ctsma_node.export.technical import NUMBERS, TERMS, technical
from ctsma_node.records import SeriesState
from tests.fixtures.ct_series import StackPlan, single_frames
from tests.fixtures.node_state import NodeState, settings_in

CANARY = "CANARY"
TEXTS = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
KEPT = {"SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SpecificCharacterSet"}


def canary_in_every_text(ds: Dataset) -> Dataset:
    """The name in every element of the dictionary that holds text, and in the technical ones above all."""
    for tag, (vr, *_) in DicomDictionary.items():
        keyword = keyword_for_tag(tag)
        if vr in TEXTS and keyword and keyword not in KEPT and tag >> 16 not in (0x0000, 0x0002):
            setattr(ds, keyword, f"{CANARY}^NAME" if vr == "PN" else CANARY)
    inner = Dataset()
    inner.PatientName = f"{CANARY}^INNER"
    ds.RequestAttributesSequence = Sequence([inner])
    ds.add_new(0x00091001, "LO", CANARY)
    ds.PatientBirthDate, ds.StudyDate, ds.PatientID = "19701231", "20261121", f"{CANARY}-1234567"
    return ds


@pytest.fixture
def state(tmp_path: Path) -> Any:
    settings = settings_in(tmp_path).model_copy(
        update={
            "sources": (SourceSettings(ae_title="SITEAE", addresses=("192.0.2.77",)),),
            "report": ReportSettings(institution_name="Saint Canary"),
            "notify": NotifySettings(webhook_url="https://hook.example.org/secret-token"),
        }
    )
    made = NodeState(settings)
    slices = [canary_in_every_text(ds) for ds in single_frames(StackPlan(rows=8, columns=8))[:3]]
    made.arrivals.bring(slices, 1_800_000_000.0)
    made.take_over(slices, 1_800_000_000.0)
    made.end(1, SeriesState.DELIVERED, 1_800_000_005.0)
    made.series_uid = str(slices[0].SeriesInstanceUID)  # type: ignore[attr-defined]
    yield made
    made.close()


def exported(state: Any, target: Path, lines: list[str] | None = None) -> dict[str, Any]:
    write_case_file(state.settings, 1, target, lines or [])
    with zipfile.ZipFile(target) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


def log_lines(series_uid: str) -> list[str]:
    line = {"time": "2027-01-15T08:00:01+00:00", "action": "case.moved", "series": series_uid, "case": 1}
    return [
        json.dumps(line | {"address": "192.0.2.77", "calling_ae": "SITEAE", "surprise": CANARY}),
        json.dumps({"action": "case.moved", "case": 2, "series": "1.2.3.4.5"}),
        f"{CANARY} is not JSON",
    ]


def test_no_trace_of_patient_or_site(state: Any, tmp_path: Path) -> None:
    found = exported(state, tmp_path / "case.zip", log_lines(state.series_uid))
    text = json.dumps(found)
    for trace in (
        CANARY,
        "Canary",
        "19701231",
        "20261121",
        "SITEAE",
        "SCANNER",
        "192.0.2.77",
        "secret-token",
    ):
        assert trace not in text, trace
    for uid in [state.series_uid, *(row.study_uid for row in state.cases.in_state())]:
        assert uid not in text
    assert "1800000" not in text  # times of day
    assert (tmp_path / "case.zip").stat().st_mode & 0o077 == 0


def test_it_says_what_happened(state: Any, tmp_path: Path) -> None:
    found = exported(state, tmp_path / "case.zip", log_lines(state.series_uid))
    assert [event["to_state"] for event in found["case.json"]["events"]][-1] == "delivered"
    assert found["case.json"]["events"][-1]["at"] == 5.0
    assert len(found["instances.json"]) == 3
    assert found["instances.json"][0]["header"]["Rows"] == 8
    assert found["settings.json"]["gate"]["min_slices"] == 30
    assert found["versions.json"]["pydicom"]
    ((event),) = found["log.json"]
    assert (event["action"], event["time"]) == ("case.moved", 1.0)
    assert event["series"] == found["case.json"]["case"]["series_uid"]


@pytest.mark.parametrize("keyword", [*NUMBERS, *TERMS])
def test_a_name_in_a_technical_element_stays_here(tmp_path: Path, keyword: str) -> None:
    """Also where its VR forbids it: bytes on the wire do not ask."""
    (ds, *_) = single_frames(StackPlan(rows=8, columns=8))
    tag = tag_for_keyword(keyword)
    assert tag is not None
    ds.pop(tag, None)
    ds.add_new(tag, "LO", [CANARY, f"{CANARY}^{CANARY}"])
    ds.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert CANARY not in json.dumps(technical(tmp_path / "a.dcm"))


def test_known_terms_and_numbers_leave(tmp_path: Path) -> None:
    (ds, *_) = single_frames(StackPlan(rows=8, columns=8), ConvolutionKernel="Br64", Manufacturer="SIEMENS")
    ds.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    found = technical(tmp_path / "a.dcm")
    assert (found["ConvolutionKernel"], found["Manufacturer"]) == (["Br64"], ["SIEMENS"])
    assert found["PixelSpacing"] == [float(each) for each in ds.PixelSpacing]


def test_tokens_belong_to_one_export() -> None:
    uid, one, other = "1.2.826.0.1.3680043.8.498.1", Pseudonyms(), Pseudonyms()
    assert one.text(uid) == one.token(uid) != other.token(uid)
    assert one.text("from 192.0.2.7 or fe80::1:2").count("#") == 2
    site = Pseudonyms({"pacs.example", "MAIN_PACS"})
    assert site.text("MAIN_PACS at pacs.example:104: no answer").count("#") == 2
    standard = "CT Image Storage (1.2.840.10008.5.1.4.1.1.2) took 1.25 s"
    assert one.text(standard) == standard


def test_the_command_says_where_and_writes_over_nothing(state: Any, tmp_path: Path) -> None:
    config, target = tmp_path / "node.toml", tmp_path / "a.zip"
    config.write_text('[node]\nstate_dir = "state"\n')
    command = ["export-case", "1", "--config", str(config), "--out", str(target)]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert CliRunner().invoke(app, command).exit_code == 1
    with pytest.raises(NodeError, match="no case 9"):
        write_case_file(state.settings, 9, tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()
