"""The objects of a report, judged and read by programs that share no code with this project."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctsma_node.analysis.result import UNITS, Parameter, Side
from ctsma_node.report import ALL_OBJECTS, NodeIdentity, ReportObject, build_note, build_set, write_object
from ctsma_node.report.parametric_map import values_by_voxel
from tests.fixtures.itk_volumes import analysed_part
from tests.unit.report.knee_results import analysis, knee, source_headers

RequireTool = Callable[[str], Path]
Run = Callable[..., subprocess.CompletedProcess[str]]
SIDES = [Side.LEFT, Side.RIGHT]


@pytest.fixture(scope="module")
def objects() -> tuple[ReportObject, ...]:
    node = NodeIdentity("ctsma_node project", "ctsma-node", "0.1.0", "test-1", "Klinikum Süd")
    headers = source_headers(40)
    made = build_set(analysis(Side.LEFT, Side.RIGHT), headers, node=node, objects=ALL_OBJECTS)
    reason = "The femur is cut off by the field of view."
    note = build_note("knee_cut_off", reason, headers, node=node, bundle_digest="ab" * 32, language="de")
    return *made, note


@pytest.fixture(scope="module")
def folder(objects: tuple[ReportObject, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("objects")
    for obj in objects:
        write_object(obj, folder / obj.file_name)
    return folder


@pytest.fixture
def run(require_tool: RequireTool) -> Run:
    def run_tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(require_tool(name)), *(str(a) for a in arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=120, check=False
        )

    return run_tool


def files(objects: tuple[ReportObject, ...], folder: Path, kind: str, side: Side | None) -> list[Path]:
    return [folder / o.file_name for o in objects if o.kind == kind and o.side == side]


def test_dciodvfy_finds_no_error(run: Run, objects: tuple[ReportObject, ...], folder: Path) -> None:
    # The tool is from 2022 and does not know the label map's SOP class.
    chosen = [o for o in objects if o.kind not in ("volume", "labelmap")]
    chosen += [o for o in objects if o.kind == "volume" and int(o.dataset.InstanceNumber) in (1, 45, 90)]
    for obj in chosen:
        said = run("dciodvfy", folder / obj.file_name)
        messages = (said.stdout + said.stderr).splitlines()
        assert messages, "dciodvfy names the object at least"
        assert [m for m in messages if m.startswith("Error")] == [], obj.file_name


def test_dcentvfy_finds_one_patient_and_study(run: Run, folder: Path) -> None:
    known = [path for path in sorted(folder.glob("*.dcm")) if "labelmap" not in path.name]
    said = run("dcentvfy", *known)
    lines = (said.stdout + said.stderr).splitlines()
    # It files AccessionNumber under Series in a Secondary Capture, in whomever's.
    assert [line for line in lines if "AccessionNumber" not in line] == []


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("kind", ["report", "viewer_report"])
def test_dcmtk_reads_the_reports(
    run: Run, objects: tuple[ReportObject, ...], folder: Path, kind: str, side: Side
) -> None:
    said = run("dsrdump", "+Pc", *files(objects, folder, kind, side))
    assert said.returncode == 0, said.stderr
    assert said.stdout.count('"Measurement Group"') == (203 if kind == "report" else 3)


@pytest.mark.parametrize(
    ("kind", "side", "sentence"),
    [
        ("text_report", Side.LEFT, "Probability of knee osteoarthritis: 0.88."),
        ("text_report", Side.RIGHT, "Right knee in series 5 of this study (40 CT instances)"),
        ("not_analysed", None, "Grund: Das Knie ist vom Bildfeld abgeschnitten."),
        ("key_objects", Side.RIGHT, "What CT-SMA made of this knee in series 5 of this study."),
    ],
)
def test_dcmtk_reads_what_is_in_words(
    run: Run,
    objects: tuple[ReportObject, ...],
    folder: Path,
    kind: str,
    side: Side | None,
    sentence: str,
) -> None:
    said = run("dsrdump", "+Pl", *files(objects, folder, kind, side))
    assert said.returncode == 0, said.stderr
    assert sentence in said.stdout


@pytest.mark.parametrize("side", SIDES)
def test_dcmqi_reads_every_value_of_the_report(
    run: Run, objects: tuple[ReportObject, ...], folder: Path, tmp_path: Path, side: Side
) -> None:
    read = tmp_path / "sr.json"
    said = run(
        "tid1500reader", "--inputDICOM", *files(objects, folder, "report", side), "--outputMetadata", read
    )
    assert said.returncode == 0, said.stderr
    groups: list[dict[str, Any]] = json.loads(read.read_text())["Measurements"]
    assert len(groups) == 203
    by_name = {g["TrackingIdentifier"]: g for g in groups}
    for subregion in knee(side).subregions:
        group = by_name[f"{side.value} {subregion.name}"]
        assert group["ReferencedSegment"] == subregion.label
        assert group["Laterality"]["CodeMeaning"] == ("Left" if side is Side.LEFT else "Right")
        items = {i["quantity"]["CodeValue"]: i for i in group["measurementItems"]}
        for parameter in Parameter:
            item, estimate = items[parameter.name], subregion.values[parameter]
            assert float(item["value"]) == pytest.approx(estimate.value, rel=1e-8)
            assert item["units"]["CodeValue"] == UNITS[parameter]
            (uncertainty,) = item["measurementNumProperties"]
            assert float(uncertainty["numPropertyValue"]) == pytest.approx(estimate.sd, rel=1e-8)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("kind", ["segmentation", "labelmap"])
def test_dcmqi_reads_the_segments_where_they_are(
    run: Run, objects: tuple[ReportObject, ...], folder: Path, tmp_path: Path, kind: str, side: Side
) -> None:
    said = run(
        "segimage2itkimage",
        "--inputDICOM",
        *files(objects, folder, kind, side),
        "--outputDirectory",
        tmp_path,
        "--outputType",
        "nrrd",
        "--mergeSegments",
    )
    assert said.returncode == 0, said.stderr
    (volume,) = tmp_path.glob("*.nrrd")
    labels = analysed_part(volume, knee(side))
    np.testing.assert_array_equal(labels, knee(side).subregion_labels)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("index", range(4))
def test_dcmqi_reads_the_map_and_not_its_mirror_image(
    run: Run, objects: tuple[ReportObject, ...], folder: Path, tmp_path: Path, index: int, side: Side
) -> None:
    said = run(
        "paramap2itkimage",
        "--inputDICOM",
        files(objects, folder, "parametric_map", side)[index],
        "--outputDirectory",
        tmp_path,
        "--outputType",
        "nrrd",
    )
    assert said.returncode == 0, said.stderr
    (volume,) = tmp_path.glob("*.nrrd")
    values = analysed_part(volume, knee(side))
    truth = values_by_voxel(knee(side), list(Parameter)[index])
    np.testing.assert_array_equal(values, truth)
    for axis in range(3):
        assert not np.array_equal(values, np.flip(truth, axis))
