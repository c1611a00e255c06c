"""What leaves for support: enough to see what happened, and not one trace of a patient or a site."""

from __future__ import annotations

import json
import re
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
from ctsma_node.config import DestinationSettings, SourceSettings, load
from ctsma_node.config.operations import NotifySettings
from ctsma_node.config.settings import ReportSettings
from ctsma_node.errors import NodeError
from ctsma_node.export import write_case_file
from ctsma_node.export.pseudonyms import Pseudonyms
from ctsma_node.export.site import site_words
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


def test_short_uids_become_tokens_and_measures_and_versions_stay() -> None:
    hidden = Pseudonyms(uids={"1.2.3", "1.2", "an-odd.uid"})
    for uid in ("1.2.3", "1.2", "an-odd.uid", "2.25.123456789", "2.25." + "9" * 39, "1.2.3.4"):
        assert hidden.text(f"series {uid}.") == f"series {hidden.token(uid)}."
    for kept in ("spacing 0.625 mm, 1.25", "torch 2.9.1+cpu on 6.1.0-13-amd64", "1.2.840.10008.1.2.1"):
        assert hidden.text(kept) == kept


def test_paths_and_addresses_of_services_become_tokens() -> None:
    hidden = Pseudonyms()
    path, url = "/etc/site-name/keys/pacs.token", "https://pacs.example/dicom-web"
    assert hidden.text(f"{path} cannot be read.") == f"{hidden.token(path)} cannot be read."
    assert hidden.text(f"{url}: status 500") == f"{hidden.token(url)}: status 500"
    assert hidden.text("N/A, 1/2, mm/s, /health") == "N/A, 1/2, mm/s, /health"


SITE = """
[node]
ae_title = "NODE-CANARY"
[report]
station_name = "CANARYCT"
[[choice.rules]]
name = "canary-rule"
action = "exclude"
description = "x"
[tls]
certificate = "keys/canary.pem"
key = "keys/canary.key"
ca = "keys/canary-ca.pem"
required = false
[[sources]]
ae_title = "NEW"
addresses = ["canary.example"]
[sources.query]
ae_title = "QR_CANARY"
host = "qr.canary.example"
port = 104
calling_ae_title = "AS_CANARY"
tls_name = "tls.canary.example"
[[destinations]]
name = "archive"
kind = "dicomweb"
url = "https://web.canary.example/dw"
token_file = "keys/canary-token"
[web]
hosts = ["page.canary.example"]
[notify]
smtp_host = "mail.canary.example"
sender = "node@canary.example"
recipients = ["it@canary.example"]
webhook_url = "https://hook.canary.example/x"
"""


def test_no_text_of_the_settings_leaves_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(SITE)
    settings = load(tmp_path / "node.toml", {})
    hidden, words = Pseudonyms(site_words(settings)), re.findall(r'"([^"]*canary[^"]*)"', SITE, re.IGNORECASE)
    files = {word for word in words if word.startswith("keys/")}
    anchored = {str(tmp_path / word) for word in files}
    for word in {*words} - files | anchored | {"web.canary.example", "hook.canary.example"}:
        assert "canary" not in hidden.text(f"Nothing came from {word}: no answer.").lower(), word
    assert hidden.text("The proof of the volume is its status.") == "The proof of the volume is its status."


def test_a_peer_that_was_renamed_or_removed_stays_unnamed(state: Any, tmp_path: Path) -> None:
    """The ledgers and the log know it, the settings do not any more."""
    renamed = DestinationSettings(name="canary-pacs", ae_title="PACS", host="127.0.0.1", port=104)
    state.cases.add_deliveries(1, [renamed])
    line = {"action": "x", "case": 1, "source": "OLD", "destination": "st-canary", "instance": "1.9.8"}
    line["reason"] = "OLD and SCANNER, st-canary and canary-pacs, 1.9.8 and 2.25.77: none of them answers."
    found = exported(state, tmp_path / "case.zip", [json.dumps(line)])
    ((event),) = found["log.json"]
    assert re.fullmatch(
        r"#\w+ and #\w+, #\w+ and #\w+, #\w+ and #\w+: none of them answers\.", event["reason"]
    )
    assert (event["source"][0], event["destination"][0], event["instance"][0]) == ("#", "#", "#")


def test_the_command_says_where_and_writes_over_nothing(state: Any, tmp_path: Path) -> None:
    config, target = tmp_path / "node.toml", tmp_path / "a.zip"
    config.write_text('[node]\nstate_dir = "state"\n')
    command = ["export-case", "1", "--config", str(config), "--out", str(target)]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert CliRunner().invoke(app, command).exit_code == 1
    with pytest.raises(NodeError, match="no case 9"):
        write_case_file(state.settings, 9, tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()
