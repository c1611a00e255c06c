from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ctsma_node.volume import CTVolume
from tests.unit.trainer.phantom.pairs import drawn
from trainer.phantom.acquisition import CTAcquisition
from trainer.phantom.coarse import INCREMENT, PIXEL, coarse_acquisition, coarse_form


def native(noise_hu: float = 0.0) -> CTAcquisition:
    """A part of the field at the native sampling."""
    own = drawn().ct_acquisition
    return replace(own, rows=140, columns=140, fov_mm=140 * own.pixel, slices=40, noise_hu=noise_hu)


def smooth_field(acquisition: CTAcquisition) -> CTVolume:
    """HU that rise along each axis and wave slowly: known at every point."""
    columns, rows, slices = acquisition.size
    k, j, i = np.meshgrid(np.arange(slices), np.arange(rows), np.arange(columns), indexing="ij")
    points = np.stack([i, j, k], axis=-1) @ acquisition.affine[:3, :3].T
    return CTVolume(field(points).astype(np.float32), acquisition.affine)


def field(points: np.ndarray) -> np.ndarray:
    return np.asarray(
        40.0 * points[..., 0]
        + 30.0 * points[..., 1]
        - 50.0 * points[..., 2]
        + 40.0 * np.sin(points[..., 0] / 9.0)
    )


def test_the_grid_is_that_of_table_2_over_the_same_field() -> None:
    fine = native()
    coarse = coarse_acquisition(fine)
    assert coarse.pixel == pytest.approx(PIXEL)
    assert coarse.increment == INCREMENT
    assert coarse.fov_mm <= fine.fov_mm < coarse.fov_mm + PIXEL
    first, last = (np.array([0, 0, 0, 1]), np.array([*np.array(coarse.size) - 1, 1]))
    low, high = np.array([0, 0, 0]) - 0.5, np.array(fine.size) - 0.5
    for corner in (first, last):
        index = (np.linalg.inv(fine.affine) @ coarse.affine @ corner)[:3]
        assert np.all(index >= low - 1e-6)
        assert np.all(index <= high + 1e-6)
    assert coarse.centre == fine.centre
    assert coarse.slice_thickness == 1.0


def test_values_lie_where_the_grid_says() -> None:
    fine = native()
    coarse = coarse_form(smooth_field(fine), fine)
    wanted = coarse_acquisition(fine)
    assert np.array_equal(coarse.affine, wanted.affine)
    assert coarse.hu.shape == wanted.size[::-1]
    k, j, i = np.meshgrid(*(np.arange(n) for n in coarse.hu.shape), indexing="ij")
    points = np.stack([i, j, k], axis=-1) @ coarse.affine[:3, :3].T + coarse.affine[:3, 3]
    expected = field(points - fine.affine[:3, 3])
    core = np.s_[1:-1, 4:-4, 4:-4]
    assert np.abs(coarse.hu - expected)[core].max() < 1.5  # rounding, and the smoothing of a slow wave


def test_large_regions_keep_their_mean_and_fine_texture_goes() -> None:
    fine = native()
    rng = np.random.default_rng(3)
    hu = smooth_field(fine).hu + rng.normal(0.0, 60.0, smooth_field(fine).hu.shape).astype(np.float32)
    coarse = coarse_form(CTVolume(hu, fine.affine), fine)
    smooth = coarse_form(smooth_field(fine), fine)
    noise = coarse.hu - smooth.hu
    assert abs(float(noise[:, 4:-4, 4:-4].mean())) < 2.0
    assert 3.0 < noise.std() < 40.0


def test_the_sharper_of_two_kernels_is_never_made() -> None:
    smooth_already = replace(native(), kernel_fwhm=1.2)
    wanted = coarse_acquisition(smooth_already)
    assert wanted.kernel_fwhm == 1.2
    volume = smooth_field(smooth_already)
    assert np.isfinite(coarse_form(volume, smooth_already).hu).all()
