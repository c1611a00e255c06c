"""DCMTK sends a knee to `ctsma-node serve`, Orthanc receives: other programs read what the node computed."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_file_meta_info
from pydicom.uid import (
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    CTImageStorage,
    KeyObjectSelectionDocumentStorage,
    ParametricMapStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import UNITS, KneeResult, Parameter, Side
from ctsma_node.config import DEFAULT_KINDS, load
from ctsma_node.demo.pacs import Orthanc
from ctsma_node.report.parametric_map import values_by_voxel
from ctsma_node.worker.single import Single, analyse_series
from tests.acceptance.site import Site, until
from tests.fixtures.itk_volumes import analysed_part

RequireTool = Callable[[str], Path]
Run = Callable[..., str]


TWO_THREADS = "\n[analysis]\nthreads = 2\n"
"""What is compared with the node's has one: an answer does not depend on how many share the work."""
_PREFIX = 128 + 4 + 12
"""Bytes before what the group length counts: preamble, "DICM" and the length's own element."""


@dataclass(frozen=True)
class Back:
    """What Orthanc gives back of a study."""

    site: Site
    orthanc: Orthanc
    study: str
    paths: dict[Path, Dataset]  # the headers, by file

    def of(self, description: str) -> Path:
        """The one file whose series description holds the text."""
        (found,) = (path for path, ds in self.paths.items() if description in str(ds.SeriesDescription))
        return found


@pytest.fixture(scope="module")
def alone(back: Back, knee_series: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Single:
    """The same series in another process, without network and ledger, by a single thread."""
    settings, folder = load(back.site.config), tmp_path_factory.mktemp("alone")
    return analyse_series(knee_series, settings, Analyser.load(threads=1), folder)


@pytest.fixture(scope="module")
def computed(alone: Single) -> KneeResult:
    (knee,) = alone.result.knees
    return knee


@pytest.fixture(scope="module")
def back(
    knee_series: list[Path], require_tool: RequireTool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Back]:
    folder = tmp_path_factory.mktemp("site")
    orthanc = Orthanc(require_tool("Orthanc"), folder / "orthanc")
    orthanc.start()
    site = Site(folder, orthanc.port, orthanc.ae_title, DEFAULT_KINDS, more_settings=TWO_THREADS)
    try:
        site.start_node()
        send_with_dcmtk(require_tool("storescu"), site, knee_series)
        case = site.wait_for_state("delivered")
        assert case["code"] is None, case["reason"]
        study = str(dcmread(knee_series[0], specific_tags=["StudyInstanceUID"]).StudyInstanceUID)
        (folder / "back").mkdir()
        paths = orthanc.fetch(study, folder / "back")
        yield Back(site, orthanc, study, {path: dcmread(path, stop_before_pixels=True) for path in paths})
    finally:
        site.close()
        orthanc.stop()


@pytest.fixture(scope="module", autouse=True)
def verdicts(back: Back, require_tool: RequireTool) -> Iterator[Future[dict[str, list[str]]]]:
    """What dciodvfy says of each file, sought beside the tests: of a segmentation it takes half a minute."""
    dciodvfy = require_tool("dciodvfy")

    def judge(path: Path) -> list[str]:
        done = subprocess.run([dciodvfy, path], capture_output=True, text=True, errors="replace", check=False)
        return (done.stdout + done.stderr).splitlines()

    with ThreadPoolExecutor(1) as beside:
        yield beside.submit(lambda: {path.name: judge(path) for path in back.paths})


@pytest.fixture
def run(require_tool: RequireTool) -> Run:
    def run_tool(name: str, *arguments: str | Path) -> str:
        command = [str(require_tool(name)), *(str(each) for each in arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=60, check=False
        )
        assert done.returncode == 0 or name == "dciodvfy", done.stderr
        return done.stdout + done.stderr

    return run_tool


def send_with_dcmtk(storescu: Path, site: Site, files: list[Path]) -> None:
    called = ["-aet", "SCANNER", "-aec", "CTSMA", "127.0.0.1", str(site.port)]
    subprocess.run([storescu, *called, *files], check=True, capture_output=True)


def uids(site: Site) -> set[str]:
    """Of the objects that the node made of every case."""
    return {each["sop_instance_uid"] for case in site.cases() for each in case["deliveries"]}


def test_the_archive_holds_the_whole_set_in_the_study_of_the_source(back: Back) -> None:
    assert {str(ds.SOPInstanceUID) for ds in back.paths.values()} == uids(back.site)
    assert {str(ds.StudyInstanceUID) for ds in back.paths.values()} == {back.study}
    by_class = Counter(ds.SOPClassUID for ds in back.paths.values())
    assert by_class == {
        CTImageStorage: 90,
        SegmentationStorage: 1,
        ParametricMapStorage: 4,
        Comprehensive3DSRStorage: 2,
        BasicTextSRStorage: 1,
        SecondaryCaptureImageStorage: 1,
        KeyObjectSelectionDocumentStorage: 1,
    }
    assert len({ds.SeriesInstanceUID for ds in back.paths.values()}) == 11


def test_every_byte_is_what_another_process_and_a_single_thread_make(back: Back, alone: Single) -> None:
    here = {str(read_file_meta_info(path).MediaStorageSOPInstanceUID): path for path in alone.objects}
    assert here.keys() == {str(ds.SOPInstanceUID) for ds in back.paths.values()}
    for path, ds in back.paths.items():
        assert dataset_bytes(path) == dataset_bytes(here[str(ds.SOPInstanceUID)]), ds.SeriesDescription


def dataset_bytes(path: Path) -> bytes:
    """What follows the File Meta Information, which is of whoever wrote the file (PS3.10 section 7.1)."""
    length = read_file_meta_info(path).FileMetaInformationGroupLength
    return path.read_bytes()[_PREFIX + length :]


def test_dsrdump_prints_every_value(run: Run, back: Back, computed: KneeResult) -> None:
    text = run("dsrdump", "+Pc", back.of("measurements"))
    numbers = np.sort([float(n) for n in re.findall(r'NUM:.*="([-+.\deE]+)"', text)])
    for subregion in computed.subregions:
        for estimate in subregion.values.values():
            at = np.searchsorted(numbers, estimate.value)
            nearest = numbers[max(at - 1, 0) : at + 1]
            assert np.abs(nearest / estimate.value - 1).min() < 1e-8


def test_dcmqi_reads_every_value_of_the_report(
    run: Run, back: Back, computed: KneeResult, tmp_path: Path
) -> None:
    read = tmp_path / "sr.json"
    run("tid1500reader", "--inputDICOM", back.of("measurements"), "--outputMetadata", read)
    groups: list[dict[str, Any]] = json.loads(read.read_text())["Measurements"]
    by_name = {group["TrackingIdentifier"]: group for group in groups}
    assert computed.side is Side.LEFT
    for subregion in computed.subregions:
        group = by_name[f"L {subregion.name}"]
        assert group["ReferencedSegment"] == subregion.label
        assert group["Laterality"]["CodeMeaning"] == "Left"
        items = {item["quantity"]["CodeValue"]: item for item in group["measurementItems"]}
        for parameter, estimate in subregion.values.items():
            item = items[parameter.name]
            assert float(item["value"]) == pytest.approx(estimate.value, rel=1e-8)
            assert item["units"]["CodeValue"] == UNITS[parameter]


def test_dcmqi_reads_the_subregions_where_they_are(
    run: Run, back: Back, computed: KneeResult, tmp_path: Path
) -> None:
    asked = ["--outputDirectory", tmp_path, "--outputType", "nrrd", "--mergeSegments"]
    run("segimage2itkimage", "--inputDICOM", back.of("subregions"), *asked)
    (volume,) = tmp_path.glob("*.nrrd")
    np.testing.assert_array_equal(analysed_part(volume, computed), computed.subregion_labels)


@pytest.mark.parametrize("parameter", Parameter)
def test_dcmqi_reads_the_map_and_not_its_mirror_image(
    run: Run, back: Back, computed: KneeResult, tmp_path: Path, parameter: Parameter
) -> None:
    source = back.of(f"map {parameter}")
    run("paramap2itkimage", "--inputDICOM", source, "--outputDirectory", tmp_path, "--outputType", "nrrd")
    (volume,) = tmp_path.glob("*.nrrd")
    values, truth = analysed_part(volume, computed), values_by_voxel(computed, parameter)
    np.testing.assert_array_equal(values, truth)
    for axis in range(3):
        assert not np.array_equal(values, np.flip(truth, axis))


def test_the_same_series_again_is_not_analysed_again(
    back: Back, knee_series: list[Path], require_tool: RequireTool, tmp_path: Path
) -> None:
    site, made = back.site, uids(back.site)
    before, since = site.cases(), site.log.stat().st_size
    send_with_dcmtk(require_tool("storescu"), site, knee_series)
    until(lambda: site.events("association.closed", since), "the second association ended")
    time.sleep(1.0)  # several sweeps and their short quiet times: nothing may come of them
    assert site.cases() == before
    assert site.events("case.moved", since) == []
    assert {path.stem for path in back.orthanc.fetch(back.study, tmp_path)} == made


def test_dciodvfy_finds_no_error_in_any_object(verdicts: Future[dict[str, list[str]]]) -> None:
    """Last in this file, for it waits."""
    said = verdicts.result(timeout=240)
    assert len(said) == 100
    for name, lines in said.items():
        assert lines, "dciodvfy names the object at least"
        assert [line for line in lines if line.startswith("Error")] == [], name
