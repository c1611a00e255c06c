"""Files of any kind, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.fixtures.paired_archive import ct, datasets, mr, save, scene
from trainer.cohort.codes import REASONS
from trainer.cohort.findings import Finding
from trainer.cohort.images import read_mr
from trainer.cohort.instance import Instance
from trainer.cohort.read import read_instance
from trainer.cohort.request import CohortRequest
from trainer.cohort.settings import CohortSettings
from trainer.cohort.stage import run


def written(folder: Path, ds: Dataset, name: str = "a", **options: object) -> Path:
    path = folder / name
    ds.save_as(path, enforce_file_format=True, **options)  # type: ignore[arg-type]
    return path


def one() -> Dataset:
    return datasets(ct("p", slices=1, size=(64, 48)))[0]


def state(path: Path) -> str:
    """The code of a file, or what is wrong with its pixels; "" for a good image."""
    read = read_instance(path.parent, path.name)
    return read.code if isinstance(read, Finding) else read.pixels


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, RLELossless])
@pytest.mark.parametrize("lost", [0, 4, 9, 60])
def test_compressed_pixels_must_reach_their_end(tmp_path: Path, syntax: str, lost: int) -> None:
    ds = one()
    ds.compress(syntax)
    path = written(tmp_path, ds)
    path.write_bytes(path.read_bytes()[: path.stat().st_size - lost])
    assert state(path) == ("truncated_pixels" if lost else "")


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_native_pixels_in_any_encoding(tmp_path: Path, syntax: str) -> None:
    ds = one()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.set_original_encoding(syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian)
    path = written(tmp_path, ds)
    assert state(path) == ""
    path.write_bytes(path.read_bytes()[:-2])
    assert state(path) == "truncated_pixels"


def test_an_element_shorter_than_the_matrix_is_cut_short(tmp_path: Path) -> None:
    ds = one()
    ds.Rows = ds.Rows + 1
    assert state(written(tmp_path, ds)) == "truncated_pixels"
    del ds.PixelData
    assert state(written(tmp_path, ds, "b")) == "missing_pixels"


def test_a_dataset_without_a_preamble_is_read(tmp_path: Path) -> None:
    """ACR-NEMA's way, which old archives hold."""
    ds = one()
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    with (tmp_path / "bare").open("wb") as file:
        ds.save_as(file, implicit_vr=True, little_endian=True)
    whole = (tmp_path / "bare").read_bytes()
    start = whole.index(b"\x08\x00\x08\x00") if whole[128:132] == b"DICM" else 0
    (tmp_path / "bare").write_bytes(whole[start:])
    read = read_instance(tmp_path, "bare")
    assert isinstance(read, Instance)
    assert (read.sop_uid, read.pixels) == (ds.SOPInstanceUID, "")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.data())
def test_no_damage_is_fatal(tmp_path: Path, data: st.DataObject) -> None:
    """Any bytes lost or changed: an instance, or a finding with a known code."""
    path = written(tmp_path, datasets(mr("p", slices=1))[0], "good")
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=12)):
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    (tmp_path / "bad").write_bytes(content[:cut])
    read = read_instance(tmp_path, "bad")
    assert isinstance(read, Instance) or read.code in REASONS


def enhanced_mr(slices: int) -> Dataset:
    """One Enhanced MR instance (PS3.3 A.36) of the fixture's MR, its frames in reverse order."""
    plan = mr("p", slices=slices)
    ds = datasets(plan)[0]
    for keyword in (
        *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "Laterality"),
        *("ScanningSequence", "SequenceVariant", "RepetitionTime", "EchoTime", "ProtocolName"),
    ):
        delattr(ds, keyword)
    ds.SOPClassUID, ds.SeriesDescription, ds.NumberOfFrames = EnhancedMRImageStorage, "Knee sag", slices
    ds.EchoPulseSequence, ds.SteadyStatePulseSequence = "GRADIENT", "FREE_PRECESSION"
    shared, measures, timing, anatomy, plane = (Dataset() for _ in range(5))
    measures.PixelSpacing, measures.SliceThickness = list(plan.spacing), plan.step
    timing.RepetitionTime, anatomy.FrameLaterality = 10, "R"
    plane.ImageOrientationPatient = [*plan.row, *plan.column]
    shared.PixelMeasuresSequence, shared.MRTimingAndRelatedParametersSequence = [measures], [timing]
    shared.FrameAnatomySequence, shared.PlaneOrientationSequence = [anatomy], [plane]
    ds.SharedFunctionalGroupsSequence = [shared]
    groups, pixels = [], []
    for k in reversed(range(slices)):
        group, position, echo = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [f"{value:.4f}" for value in plan.position(k)]
        echo.EffectiveEchoTime = 5.0
        group.PlanePositionSequence, group.MREchoSequence = [position], [echo]
        groups.append(group)
        pixels.append(scene(plan.points(k)).astype("<u2"))
    ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
    ds.PixelData = np.stack(pixels).tobytes()
    return ds


def test_a_multi_frame_mr_is_read_like_any_other(tmp_path: Path) -> None:
    archive = tmp_path / "a"
    save(archive, ct("p"))
    written(archive, enhanced_mr(8), "enhanced")
    limits = CohortSettings(min_ct_slices=4, min_mr_slices=4)
    manifest = run(CohortRequest(archive, tmp_path / "out", settings=limits))
    assert manifest.left_out == ()
    (pair,) = manifest.pairs
    assert (pair.side, pair.mr.size, pair.mr.sequence) == ("R", (8, 10, 8), "values")
    volume = read_mr(pair.mr, archive)
    k, j, i = np.mgrid[:8, :10, :8]
    lps = np.stack([i, j, k], axis=-1) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    assert np.abs(volume.signal - scene(lps)).max() <= 1.0
