"""Patches on the MR's own grid, and labels that do not depend on gain, units or threads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from trainer.morphometry.autocorrelation import Autocorrelation, autocorrelation
from trainer.morphometry.calibration import SHIPPED, read_calibration, shipped, write_calibration
from trainer.morphometry.distance import Mask
from trainer.morphometry.labels import fit_reference, label_patches
from trainer.morphometry.noise import Noise
from trainer.morphometry.patches import cover, patch_box, trabecular_region, voxel_of
from trainer.mr import MRVolume

VOXEL = (1.5, 0.234375, 0.234375)
_ROTATION = np.array([[0.0, 0.02, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, -0.02]])


def knee(gain: float = 1.0, seed: int = 0) -> tuple[MRVolume, Mask]:
    """A ball of texture in a bright tissue, air around: sagittal, a little oblique."""
    shape = (28, 224, 224)
    rng = np.random.default_rng(seed)
    k, j, i = (np.arange(n) - n / 2 for n in shape)
    radius = np.sqrt((k * VOXEL[0])[:, None, None] ** 2 + (j * VOXEL[1])[:, None] ** 2 + (i * VOXEL[2]) ** 2)
    texture = gaussian_filter(rng.normal(size=shape), (0.3, 1.2, 1.2))
    bone = np.clip(0.25 + 0.18 * texture / texture.std(), 0.0, 1.0)
    clean = np.where(radius < 18.0, 1000.0 * (1.0 - bone), np.where(radius < 24.0, 300.0, 0.0))
    real, imaginary = rng.normal(0.0, 70.0, (2, *shape))
    affine = np.eye(4)
    affine[:3, :3] = _ROTATION / np.linalg.norm(_ROTATION, axis=0) * VOXEL[::-1]
    affine[:3, 3] = [20.0, -25.0, 30.0]
    signal = np.asarray(gain * np.hypot(clean + real, imaginary), dtype=np.float32)
    return MRVolume(signal, affine), trabecular_region(np.asarray(radius < 18.0), VOXEL)


def centres(mr: MRVolume) -> npt.NDArray[np.float64]:
    index = np.array([[112.0, 112.0, 14.0], [90.0, 120.0, 12.0], [112.0, 112.0, 26.5], [500.0, 0.0, 0.0]])
    return mr.to_lps(index)


def test_the_patch_is_twelve_millimetres_of_the_grid() -> None:
    box = patch_box((14.0, 112.3, 111.8), VOXEL, (28, 224, 224))
    assert box is not None
    sides = [(s.stop - s.start) * side for s, side in zip(box, VOXEL, strict=True)]
    assert sides == pytest.approx([12.0, 12.0, 12.0], abs=1.6)
    middle = [0.5 * (s.start + s.stop - 1) for s in box]
    assert middle == pytest.approx([14.0, 112.3, 111.8], abs=0.51)
    assert patch_box((-9.0, 100.0, 100.0), VOXEL, (28, 224, 224)) is None


def test_the_trabecular_region_is_deeper_than_three_millimetres() -> None:
    k, j, i = (np.arange(n) - n / 2 for n in (28, 224, 224))
    radius = np.sqrt((k * 1.5)[:, None, None] ** 2 + (j * VOXEL[1])[:, None] ** 2 + (i * VOXEL[2]) ** 2)
    region = trabecular_region(np.asarray(radius < 18.0), VOXEL)
    assert radius[region].max() < 15.6
    assert region[radius < 14.2].all()


def test_noise_is_off_the_variance() -> None:
    rng = np.random.default_rng(0)
    texture = gaussian_filter(rng.normal(size=(8, 90, 90)), (0.0, 1.5, 1.5))
    texture *= 0.1 / texture.std()
    region = np.ones(texture.shape, dtype=np.bool_)
    noisy = 0.8 + texture + rng.normal(0.0, 0.1, texture.shape)
    clean, dirty = (
        autocorrelation(np.asarray(0.8 + x, dtype=np.float32), region, VOXEL, Noise(noise))
        for x, noise in ((texture, 1e-6), (noisy - 0.8, 0.1))
    )
    assert dirty.mean == pytest.approx(clean.mean, abs=2e-3)
    assert dirty.variance == pytest.approx(clean.variance, rel=0.06)
    assert np.allclose(dirty.within, clean.within, atol=0.05)


def test_an_empty_region_has_no_statistics() -> None:
    nothing = np.zeros((3, 9, 9), dtype=np.bool_)
    found = autocorrelation(np.ones((3, 9, 9), dtype=np.float32), nothing, VOXEL, Noise(0.1))
    assert np.isnan(found.as_row()).all()


def test_labels_do_not_depend_on_the_gain() -> None:
    rows = []
    for gain in (1.0, 2.5):
        mr, region = knee(gain)
        reference = fit_reference(mr, region)
        rows.append(label_patches(mr, reference, centres(mr), region))
    assert np.allclose(rows[0].calibrated[:2], rows[1].calibrated[:2], rtol=2e-3)
    assert np.allclose(rows[0].apparent[:2], rows[1].apparent[:2], rtol=5e-3)


def test_a_patch_with_too_little_bone_is_not_measured() -> None:
    mr, region = knee()
    labels = label_patches(mr, fit_reference(mr, region), centres(mr), region)
    assert np.isfinite(labels.calibrated[:2]).all()
    assert np.isfinite(labels.apparent[:2]).all()
    assert np.isnan(labels.calibrated[2:]).all()
    assert np.isnan(labels.apparent[2:]).all()
    assert labels.cover[0] > 0.9
    assert labels.cover[3] == 0.0
    assert labels.noise[0] == pytest.approx(0.07, rel=0.25)


def test_threads_and_batches_change_nothing() -> None:
    mr, region = knee()
    reference = fit_reference(mr, region)
    points = np.tile(centres(mr), (10, 1))
    alone = np.concatenate([label_patches(mr, reference, p, region).calibrated for p in points])
    shared = label_patches(mr, reference, points, region, threads=4).calibrated
    assert np.array_equal(alone, shared, equal_nan=True)


def test_no_centres_give_no_rows() -> None:
    mr, region = knee()
    labels = label_patches(mr, fit_reference(mr, region), np.empty((0, 3)), region)
    assert labels.calibrated.shape == labels.apparent.shape == (0, 4)


def test_other_voxels_are_refused() -> None:
    mr, region = knee()
    affine = mr.affine.copy()
    affine[:3, :3] *= 1.4
    asked = r"calibrate-morphometry --pixel 0\.328 --slice 2\.100 .*patches --calibration"
    with pytest.raises(ValueError, match=asked):
        fit_reference(MRVolume(mr.signal, affine), region)


def test_a_mask_without_a_patch_is_refused() -> None:
    mr, region = knee()
    with pytest.raises(ValueError, match="no patch"):
        fit_reference(mr, np.zeros_like(region))


def test_more_bone_is_more_bone() -> None:
    row = np.array([0.75, 0.02, 0.6, 0.3, 0.1, 0.05, 0.0, 0.1])
    denser = row.copy()
    denser[0] = 0.65
    law = shipped()
    low, high = (law.estimate(Autocorrelation.of_row(one)) for one in (row, denser))
    assert high[0] > low[0] + 0.03


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_calibration(shipped(), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == SHIPPED.read_text()
    text = SHIPPED.read_text().replace("0.25,", "0.3,", 1)  # the first of the lags
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(ValueError, match="other lags"):
        read_calibration(tmp_path / "other.json")


def test_cover_is_a_part_of_the_patch() -> None:
    region = np.zeros((28, 224, 224), dtype=np.bool_)
    region[:, :, :112] = True
    mr, _ = knee()
    box = patch_box((14.0, 112.0, 112.0), voxel_of(mr.affine), region.shape)
    assert box is not None
    assert cover(region, box, VOXEL) == pytest.approx(0.5, abs=0.07)
