"""DCMTK sends to the node, Orthanc receives: it holds the whole set, in the source's study, byte for byte."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from ctsma_node.config import OBJECT_KINDS
from ctsma_node.demo.pacs import Orthanc
from tests.acceptance.site import Site, until
from tests.fixtures.ct_series import StackPlan, single_frames, write

PLAN = StackPlan(rows=8, columns=8)
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
RequireTool = Callable[[str], Path]


@pytest.fixture(scope="module")
def orthanc(require_tool: RequireTool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    archive = Orthanc(require_tool("Orthanc"), tmp_path_factory.mktemp("orthanc"))
    archive.start()
    yield archive
    archive.stop()


@pytest.fixture(scope="module")
def delivered(
    orthanc: Orthanc, require_tool: RequireTool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, list[Path], str]]:
    """The site, what Orthanc gives back of the study, and the study's UID."""
    folder = tmp_path_factory.mktemp("site")
    slices = single_frames(PLAN, PatientSex="F", AccessionNumber="A1", StudyID="7", StudyTime="101500")
    (folder / "series").mkdir()
    write(slices, folder / "series")
    site = Site(folder, orthanc.port, orthanc.ae_title, objects=OBJECT_KINDS)
    try:
        site.start_receiver()
        site.start_worker()
        storescu = require_tool("storescu")
        sent = [str(storescu), "-aet", "SCANNER", "-aec", "CTSMA", "+sd", "127.0.0.1", str(site.port)]
        subprocess.run([*sent, str(folder / "series")], check=True, capture_output=True)
        case = site.wait_for_state("delivered")
        assert case["code"] is None, case["reason"]
        study = str(slices[0].StudyInstanceUID)
        (folder / "back").mkdir()
        yield site, orthanc.fetch(study, folder / "back"), study
    finally:
        site.close()


Delivered = tuple[Site, list[Path], str]


def test_the_archive_holds_the_whole_set(delivered: Delivered) -> None:
    site, back, study = delivered
    made = {each["sop_instance_uid"] for each in site.cases()[0]["deliveries"]}
    assert len(made) == 90 + 2 + 4 + 3 + 1 + 1
    assert {path.stem for path in back} == made
    assert {str(dcmread(path, stop_before_pixels=True).StudyInstanceUID) for path in back} == {study}


def test_what_came_back_is_what_was_made(delivered: Delivered) -> None:
    site, back, _ = delivered
    outbox = site.folder / "state" / "outbox"
    made = {_uid(path): path for path in outbox.rglob("*.dcm")}
    assert set(made) == {path.stem for path in back}
    for path in back:
        assert _content(path) == _content(made[path.stem])


def test_dciodvfy_finds_no_error(delivered: Delivered, require_tool: RequireTool) -> None:
    dciodvfy = require_tool("dciodvfy")
    _, back, _ = delivered
    for path in _one_of_each_series(back):
        if dcmread(path, specific_tags=["SOPClassUID"]).SOPClassUID == LABEL_MAP:
            continue  # the tool is from 2022 and does not know it
        done = subprocess.run([dciodvfy, path], capture_output=True, text=True, check=False)
        found = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
        assert found == [], path.name


def test_dsrdump_reads_the_reports(delivered: Delivered, require_tool: RequireTool) -> None:
    dsrdump = require_tool("dsrdump")
    _, back, _ = delivered
    reports = [path for path in back if dcmread(path, specific_tags=["Modality"]).Modality == "SR"]
    assert len(reports) == 3
    for path in reports:
        subprocess.run([dsrdump, path], check=True, capture_output=True)


def test_a_refused_series_is_answered_in_its_study(
    orthanc: Orthanc, require_tool: RequireTool, tmp_path: Path
) -> None:
    slices = single_frames(PLAN, LossyImageCompression="01")
    (tmp_path / "series").mkdir()
    write(slices, tmp_path / "series")
    site = Site(tmp_path, orthanc.port, orthanc.ae_title, objects=OBJECT_KINDS)
    try:
        site.start_receiver()
        site.start_worker()
        sent = [str(require_tool("storescu")), "-aet", "SCANNER", "-aec", "CTSMA", "+sd", "127.0.0.1"]
        subprocess.run([*sent, str(site.port), str(tmp_path / "series")], check=True, capture_output=True)
        until(lambda: site.events("set.sent"), "the note was sent")
        case = site.wait_for_state("refused")
    finally:
        site.close()
    (delivery,) = case["deliveries"]
    assert (case["code"], delivery["kind"], delivery["state"]) == (
        "lossy_compressed",
        "not_analysed",
        "delivered",
    )
    (tmp_path / "back").mkdir()
    (note,) = orthanc.fetch(str(slices[0].StudyInstanceUID), tmp_path / "back")
    assert _uid(note) == delivery["sop_instance_uid"]
    said = subprocess.run([require_tool("dsrdump"), note], check=True, capture_output=True, text=True)
    assert "Lossy compressed" in said.stdout


def _uid(path: Path) -> str:
    return str(dcmread(path, stop_before_pixels=True).SOPInstanceUID)


def _content(path: Path) -> str:
    """Digest of the dataset without its file meta information, in which an archive may name itself."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[140:144], "little")  # (0002,0000) UL, PS3.10 7.1
    return hashlib.sha256(raw[144 + length :]).hexdigest()


def _one_of_each_series(paths: list[Path]) -> list[Path]:
    first: dict[str, Path] = {}
    for path in paths:
        first.setdefault(str(dcmread(path, stop_before_pixels=True).SeriesInstanceUID), path)
    assert len(first) == 12
    return list(first.values())
