"""Noise, marrow reference and fraction map on signals that are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from trainer.morphometry.noise import Noise, noise_of
from trainer.morphometry.reference import SubjectReference, field_through, fraction_map
from trainer.mr import MRVolume

F64 = npt.NDArray[np.float64]


def magnitude(clean: npt.ArrayLike, sigma: float, shape: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(0)
    real, imaginary = rng.normal(0.0, sigma, (2, *shape))
    return np.asarray(np.hypot(np.asarray(clean) + real, imaginary), dtype=np.float32)


def test_noise_is_read_in_air() -> None:
    clean = np.zeros((6, 96, 96))
    clean[:, 30:, 20:] = 900.0  # a corner of tissue reaches the border
    assert noise_of(magnitude(clean, 60.0, clean.shape)).level == pytest.approx(60.0, rel=0.03)


def test_noise_that_neighbours_share_is_known() -> None:
    rng = np.random.default_rng(3)
    white = rng.normal(size=(6, 128, 128)) + 1j * rng.normal(size=(6, 128, 128))
    measured = np.abs(np.fft.fftfreq(128)) < 0.4  # eight tenths of k-space
    filtered = np.fft.ifft2(np.fft.fft2(white) * np.outer(measured, measured))
    found = noise_of(np.asarray(np.abs(filtered), dtype=np.float32))
    assert found.band == pytest.approx(0.8, abs=0.02)
    deviation = filtered.real
    for lag, expected in enumerate(found.covariance(3)):
        product = (deviation[:, :, lag:] * deviation[:, :, : 128 - lag]).mean()
        assert product == pytest.approx(expected, abs=0.03 * found.level**2)
    assert noise_of(np.asarray(np.abs(white), dtype=np.float32)).band > 0.95


def test_noise_is_read_in_the_region_where_air_is_blanked() -> None:
    clean = np.full((6, 96, 96), 900.0)
    signal = magnitude(clean, 60.0, clean.shape)
    signal[:, :20] = 0.0
    region = np.zeros(clean.shape, dtype=np.bool_)
    region[:, 30:80, 30:80] = True
    assert noise_of(signal, region).level == pytest.approx(60.0, rel=0.03)


def test_the_field_ignores_blocks_that_lie() -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform(-40.0, 40.0, (300, 3))
    truth = 6.5 + 0.004 * points[:, 0] - 5e-5 * points[:, 1] ** 2
    level = truth + rng.normal(0.0, 0.03, 300)
    level[::10] -= 0.6  # blocks half in cortex
    reference = field_through(points, level, noise=Noise(50.0))
    assert np.abs(np.log(reference.marrow_at(points)) - truth).max() < 0.04
    assert 0.02 < reference.spread < 0.05


def test_few_blocks_give_a_constant() -> None:
    points = np.random.default_rng(2).uniform(-20.0, 20.0, (8, 3))
    reference = field_through(points, np.linspace(6.0, 7.0, 8), noise=Noise(1.0))
    assert np.ptp(reference.marrow_at(points)) < 1e-9


def test_fraction_is_free_of_noise_bias_and_field() -> None:
    shape = (4, 64, 64)
    affine = np.diag([0.25, 0.25, 1.5, 1.0])
    terms: F64 = np.zeros(10)
    terms[:2] = np.log(800.0), 0.5
    reference = SubjectReference(terms, np.zeros(3), noise=Noise(60.0), spread=0.02)
    i = np.arange(64) * 0.25
    marrow = 800.0 * np.exp(0.5 * i / 40.0)
    signal = magnitude(0.7 * np.broadcast_to(marrow, shape), 60.0, shape)
    region = np.ones(shape, dtype=np.bool_)
    region[:, :, :8] = False
    fraction = fraction_map(MRVolume(signal, affine), reference, region)
    assert fraction[region].mean() == pytest.approx(0.3, abs=0.003)
    assert (fraction[~region] == 0.0).all()
