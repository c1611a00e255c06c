from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from ctsma_node.analysis.grid import SIZE, knee_affine, resample
from ctsma_node.analysis.patches import noise_context
from ctsma_node.volume import CTVolume
from trainer.patches.protocols import (
    DRAWN,
    F32,
    PROTOCOLS,
    Protocol,
    _averaged,
    drawn_protocols,
    on_grid,
)

AFFINE = knee_affine([0.0, 0.0, 0.0])
BONE = np.zeros(SIZE[::-1], dtype=bool)
BONE[40:50, 70:80, 70:80] = True


@pytest.fixture(scope="module")
def ct() -> CTVolume:
    """Muscle with noise, and a slanted rod of bone: 0.7 x 0.7 x 0.6 mm."""
    affine = np.diag([0.7, 0.7, 0.6, 1.0])
    affine[:3, 3] = [-60.0, -80.0, -80.0]
    rng = np.random.default_rng(1)
    hu = 50.0 + 60.0 * ndimage.gaussian_filter(rng.standard_normal((270, 230, 175)), 0.7) / 0.3
    k, j, i = np.indices(hu.shape)
    hu[np.hypot(i - 85 - 0.1 * k, j - 115) < 12] += 900.0
    return CTVolume(hu.astype(np.float32), affine)


def noise(hu: F32) -> float:
    return float(np.exp(noise_context(hu, BONE)[1]))


def named(name: str) -> Protocol:
    return next(each for each in PROTOCOLS if each.name == name)


@pytest.mark.parametrize(("name", "more"), [("half the dose", 2.0), ("a quarter of the dose", 4.0)])
def test_less_dose_is_more_noise(ct: CTVolume, name: str, more: float) -> None:
    plain, _ = resample(ct, AFFINE, SIZE)
    other = on_grid(ct, named(name), AFFINE, BONE, seed=1)
    assert (noise(other) / noise(plain)) ** 2 == pytest.approx(more, rel=0.35)
    np.testing.assert_array_equal(other, on_grid(ct, named(name), AFFINE, BONE, seed=1))
    assert not np.array_equal(other, on_grid(ct, named(name), AFFINE, BONE, seed=2))


@pytest.mark.parametrize("name", ["soft kernel", "very soft kernel", "3 mm slices", "0.7 mm pixels"])
def test_nothing_moves_and_no_mean_changes(ct: CTVolume, name: str) -> None:
    plain, covered = resample(ct, AFFINE, SIZE)
    other = on_grid(ct, named(name), AFFINE, BONE, seed=1)
    inner = ndimage.binary_erosion(covered, iterations=8)
    assert other[inner].mean() == pytest.approx(plain[inner].mean(), abs=1.0)
    bones = [ndimage.center_of_mass(hu * (hu > 450.0)) for hu in (plain, other)]
    np.testing.assert_allclose(bones[0], bones[1], atol=0.35)


def test_softer_is_smoother_and_thicker_is_blurred_along_the_leg(ct: CTVolume) -> None:
    plain, _ = resample(ct, AFFINE, SIZE)
    assert noise(on_grid(ct, named("soft kernel"), AFFINE, BONE, seed=1)) < 0.9 * noise(plain)
    thick = _averaged(ct, named("3 mm slices"))
    np.testing.assert_allclose(thick.spacing, [0.7, 0.7, 3.0])
    np.testing.assert_allclose(thick.to_lps([0, 0, 0]), ct.to_lps([0, 0, 2.0]))


def test_each_ct_draws_its_own_protocols_and_the_same_ones_again() -> None:
    assert drawn_protocols(1) == drawn_protocols(1)
    assert len(drawn_protocols(1)) == DRAWN
    many = [protocol for seed in range(50) for protocol in drawn_protocols(seed)]
    assert len(set(many)) > 0.95 * len(many)
    assert min(p.dose for p in many) >= 0.09
    assert 0.5 < np.mean([p.dose < 1.0 for p in many]) < 0.7
    assert max(p.slices_mm for p in many) <= 3.0
    assert max(p.pixel_mm for p in many) <= 1.4
