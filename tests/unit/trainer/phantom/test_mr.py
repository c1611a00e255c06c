from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest

from ctsma_node.analysis.result import Bone, Side
from ctsma_node.volume import apply
from tests.unit.trainer.phantom.pairs import about, drawn, tiny
from trainer.mr import MRVolume
from trainer.phantom.header import Header
from trainer.phantom.mr import MARROW, render_mr
from trainer.phantom.mr_acquisition import MRAcquisition
from trainer.phantom.mr_series import write_mr
from trainer.phantom.painting import label_on
from trainer.phantom.structure import Part
from trainer.phantom.truth import in_trabecular, parameters_at

F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
QUIET = 1e4
"""An SNR at which noise is nothing."""


@pytest.fixture(scope="module")
def in_tibia() -> MRAcquisition:
    """56 x 56 x 6 voxels of the MR's own size under the medial plateau, without bias or noise."""
    subject = drawn()
    centre = apply(subject.mr_knee.poses[Part.TIBIA], np.array([20.0, 2.0, -16.0]))
    own = replace(subject.mr_acquisition, snr=QUIET, bias=1e-6, gain=1.0, dephasing=1.2)
    return about(own, centre, 56, 6)


@pytest.fixture(scope="module")
def clean(in_tibia: MRAcquisition) -> F32:
    """Its signal; not to be changed."""
    signal = render_mr(drawn().mr, in_tibia).signal
    signal.flags.writeable = False
    return signal


def test_the_signal_falls_with_bvtv(in_tibia: MRAcquisition, clean: F32) -> None:
    """Over a fine grid of places: where there is more bone, there is less signal, by the law of dephasing."""
    blocks = clean.reshape(2, 3, 4, 14, 4, 14).mean(axis=(1, 3, 5)).ravel()
    k, j, i = np.meshgrid(*(np.arange(n) for n in clean.shape), indexing="ij")
    points = apply(in_tibia.affine, np.stack([i, j, k], axis=-1).reshape(-1, 3))
    bvtv = parameters_at(drawn().mr_knee, Bone.TIBIA, points)[:, 0].reshape(2, 3, 4, 14, 4, 14)
    bvtv = bvtv.mean(axis=(1, 3, 5)).ravel()
    known = np.isfinite(bvtv)
    assert known.sum() > 16
    assert np.corrcoef(bvtv[known], blocks[known])[0, 1] < -0.7
    # A cell of bone share f gives (1 - f)^1.2 of marrow's signal: below 1 - f, and not by much.
    most = MARROW * (1.0 - bvtv[known].mean())
    assert 0.8 * most < blocks[known].mean() < most


def test_dephasing_makes_bone_look_thicker(in_tibia: MRAcquisition) -> None:
    few = replace(in_tibia, slices=2)
    plain, thick = (render_mr(drawn().mr, replace(few, dephasing=d)).signal for d in (1.0, 1.3))
    assert thick.mean() < 0.96 * plain.mean()
    dark = 0.5 * MARROW
    assert (thick < dark).mean() > (plain < dark).mean()


def test_marrow_is_bright_and_cortex_dark() -> None:
    subject = drawn()
    knee = subject.mr_knee
    size = np.array(knee.anatomy.size)
    centre = apply(knee.poses[Part.TIBIA], np.array([0.0, 0.0, -30.0]) * size)
    quiet = replace(subject.mr_acquisition, snr=QUIET, bias=1e-6, gain=1.0)
    acquisition = replace(about(quiet, centre, 100, 3), pixel=1.0)
    signal = render_mr(subject.mr, acquisition).signal
    labels = label_on(subject.mr, acquisition.affine, acquisition.size)
    k, j, i = np.nonzero(labels == 2)
    points = apply(acquisition.affine, np.stack([i, j, k], axis=1))
    marrow = in_trabecular(knee, Bone.TIBIA, points)
    inside = signal[k, j, i]
    assert marrow.sum() > 300
    assert (~marrow).sum() > 50
    assert np.median(inside[marrow]) > 550.0
    assert np.median(inside[~marrow]) < 350.0
    assert np.median(inside[marrow]) > 2.0 * np.median(inside[~marrow])


def test_far_from_the_leg_there_is_rician_noise_of_the_snr_asked_for() -> None:
    subject = drawn()
    away = subject.mr.centre + np.array([0.0, -400.0, 0.0])
    asked = replace(about(subject.mr_acquisition, away, 96, 3), snr=12.0, gain=1.1)
    noise = render_mr(subject.mr, asked).signal
    sigma = 1.1 * MARROW / 12.0
    assert noise.mean() == pytest.approx(sigma * np.sqrt(np.pi / 2.0), rel=0.05)
    assert noise.std() / noise.mean() == pytest.approx(np.sqrt(4.0 / np.pi - 1.0), rel=0.05)
    assert noise.min() >= 0.0


def test_the_measured_snr_is_what_was_asked_for(in_tibia: MRAcquisition, clean: F32) -> None:
    """Two scans that differ in their noise alone: their difference is the noise."""
    first, second = (
        render_mr(drawn().mr, replace(in_tibia, snr=14.0, noise_seed=seed)).signal for seed in (1, 2)
    )
    bright = clean > 0.5 * MARROW  # where the magnitude's noise is Gaussian
    sigma = (first - second)[bright].std() / np.sqrt(2.0)
    assert MARROW / sigma == pytest.approx(14.0, rel=0.10)


def test_bias_and_gain_scale_the_signal(in_tibia: MRAcquisition, clean: F32) -> None:
    few = replace(in_tibia, slices=2)
    louder = render_mr(drawn().mr, replace(few, gain=1.15)).signal
    plain = render_mr(drawn().mr, few).signal
    assert louder.mean() == pytest.approx(1.15 * plain.mean(), rel=0.005)
    uneven = render_mr(drawn().mr, replace(few, bias=0.2)).signal
    ratio = np.log(uneven[plain > 300.0] / plain[plain > 300.0])
    assert ratio.std() == pytest.approx(0.2, rel=0.35)


def test_equal_arguments_equal_values_and_whole_numbers() -> None:
    subject = tiny(drawn(Side.RIGHT))
    first, again = (render_mr(subject.mr, subject.mr_acquisition) for _ in range(2))
    other = render_mr(subject.mr, replace(subject.mr_acquisition, noise_seed=1))
    assert first.signal.tobytes() == again.signal.tobytes() != other.signal.tobytes()
    assert np.array_equal(first.signal, np.rint(first.signal))
    assert first.signal.min() >= 0.0
    assert first.signal.max() <= 4095.0


@pytest.fixture(scope="module")
def slices() -> tuple[MRVolume, MRAcquisition]:
    subject = tiny(drawn())
    return render_mr(subject.mr, subject.mr_acquisition), subject.mr_acquisition


def test_an_instance_is_one_slice_of_a_balanced_3d_gradient_echo(
    slices: tuple[MRVolume, MRAcquisition], tmp_path: Path
) -> None:
    volume, acquisition = slices
    paths = write_mr(volume, acquisition, tmp_path, Header(seed=1, laterality="L"))
    assert len(paths) == acquisition.slices
    for k, path in enumerate(paths):
        ds = pydicom.dcmread(path)
        assert (ds.SOPClassUID.name, ds.Modality) == ("MR Image Storage", "MR")
        assert (ds.ScanningSequence, ds.SequenceVariant, ds.MRAcquisitionType) == ("GR", "SS", "3D")
        assert (ds.RepetitionTime, ds.EchoTime, ds.FlipAngle) == (10, 5, 15)
        assert ds.MagneticFieldStrength == 3
        assert "BFFE" in ds.SequenceName
        assert float(ds.SliceThickness) == float(ds.SpacingBetweenSlices) == 1.5
        assert np.array_equal(ds.pixel_array, volume.signal[k])
        assert np.allclose(volume.to_index([float(v) for v in ds.ImagePositionPatient]), [0, 0, k], atol=1e-3)


def test_the_standards_checker_finds_no_error(
    slices: tuple[MRVolume, MRAcquisition], tmp_path: Path, require_tool: Callable[[str], Path]
) -> None:
    tool = require_tool("dciodvfy")
    path = write_mr(*slices, tmp_path, Header(seed=1, laterality="L"))[0]
    run = subprocess.run([tool, path], capture_output=True, text=True, check=False)
    said = (run.stdout + run.stderr).splitlines()
    assert any("MRImage" in line for line in said)
    assert [line for line in said if line.startswith("Error")] == []
