from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from ctsma_node.analysis.result import Bone, Side
from ctsma_node.volume import CTVolume
from trainer.phantom.acquisition import PRESETS, CTAcquisition, Orientation, preset
from trainer.phantom.ct import render_ct
from trainer.phantom.header import Header
from trainer.phantom.record import redraw
from trainer.phantom.scene import Scene
from trainer.phantom.series import write_series, write_subject
from trainer.phantom.truth import patch_parameters

SMALL: dict[str, Any] = {"rows": 64, "columns": 64, "fov_mm": 160.0, "slices": 4, "increment": 3.0}
Rendered = tuple[CTAcquisition, CTVolume]
Errors = Callable[[Path], list[str]]


@pytest.fixture
def errors(require_tool: Callable[[str], Path]) -> Errors:
    """What dciodvfy calls an error."""
    tool = require_tool("dciodvfy")

    def judge(path: Path) -> list[str]:
        run = subprocess.run([tool, path], capture_output=True, text=True, check=False)
        said = (run.stdout + run.stderr).splitlines()
        assert said, "dciodvfy names the object at least"
        return [line for line in said if line.startswith("Error")]

    return judge


@pytest.fixture(scope="module")
def small(right: Scene) -> Rendered:
    acquisition = replace(preset("small", right), **SMALL)
    return acquisition, render_ct(right, acquisition)


@pytest.mark.parametrize(
    "form",
    [{}, {"enhanced": True}, {"legacy": True}, {"transfer_syntax": "1.2.840.10008.1.2"}],
    ids=["single", "enhanced", "legacy", "implicit"],
)
def test_conformant_and_the_same_bytes_again(
    right: Scene, small: Rendered, tmp_path: Path, form: dict[str, Any], errors: Errors
) -> None:
    acquisition, volume = small
    written = [
        write_series(right, acquisition, tmp_path / name, seed=1, volume=volume, **form)
        for name in ("one", "two")
    ]
    assert [p.read_bytes() for p in written[0]] == [p.read_bytes() for p in written[1]]
    assert errors(written[0][0]) == []
    assert (tmp_path / "one" / "truth.npz").read_bytes() == (tmp_path / "two" / "truth.npz").read_bytes()


@pytest.mark.parametrize("orientation", ["sagittal", "coronal", "oblique"])
@pytest.mark.parametrize("enhanced", [False, True])
def test_other_planes_conform(
    right: Scene, tmp_path: Path, orientation: Orientation, enhanced: bool, errors: Errors
) -> None:
    acquisition = replace(preset("small", right), **SMALL, orientation=orientation)
    paths = write_series(right, acquisition, tmp_path, seed=2, enhanced=enhanced, truth=False)
    assert errors(paths[0]) == []


def test_pixels_and_positions_are_those_of_the_volume(right: Scene, small: Rendered, tmp_path: Path) -> None:
    acquisition, volume = small
    paths = write_series(
        right, acquisition, tmp_path, seed=1, volume=volume, shuffle_numbers=True, reverse_files=True
    )
    slices = [pydicom.dcmread(path) for path in paths]
    assert sorted(ds.InstanceNumber for ds in slices) == [1, 2, 3, 4]
    for ds in slices:
        k = round(float(volume.to_index([float(v) for v in ds.ImagePositionPatient])[2]))
        assert np.array_equal(ds.pixel_array, volume.hu[k])
    heights = [float(ds.ImagePositionPatient[2]) for ds in slices]
    assert heights == sorted(heights, reverse=True)


@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"]
)
def test_lossless_compression_keeps_every_pixel(
    right: Scene, small: Rendered, tmp_path: Path, syntax: str
) -> None:
    acquisition, volume = small
    paths = write_series(
        right, acquisition, tmp_path, seed=1, volume=volume, transfer_syntax=syntax, truth=False
    )
    ds = pydicom.dcmread(paths[2])
    assert ds.file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(ds.pixel_array, volume.hu[2])


def test_headers_can_lie(right: Scene, small: Rendered, tmp_path: Path) -> None:
    acquisition, volume = small
    header = Header(seed=1, body_part="PELVIS", overrides={"Modality": "MR", "SliceThickness": None})
    ds = pydicom.dcmread(
        write_series(right, acquisition, tmp_path, seed=1, volume=volume, header=header, truth=False)[0]
    )
    assert (ds.Modality, ds.BodyPartExamined) == ("MR", "PELVIS")
    assert "SliceThickness" not in ds


def test_truth_stands_beside_the_series(tmp_path: Path) -> None:
    write_subject(9, tmp_path, replace(PRESETS["small"], **SMALL), (Side.LEFT,))
    truth = json.loads((tmp_path / "truth.json").read_text())
    arrays = np.load(tmp_path / "truth.npz")
    assert truth["knees"][0]["side"] == "L"
    assert arrays["labels"].shape == (4, 64, 64)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dicom", "truth.json", "truth.npz"]
    knee = redraw(tmp_path / "truth.json").knees[0]
    again = patch_parameters(knee, Bone.TIBIA, arrays["knee0_tibia_points"])
    assert np.array_equal(again, arrays["knee0_tibia_parameters"], equal_nan=True)
