"""CT noise: correlated as filtered back-projection leaves it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.fft

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
BLOCK = 48
"""Slices made at a time; noise is independent from one block to the next."""


def add_noise(hu: F32, affine: F64, noise_hu: float, fwhm: float, slice_fwhm: float, seed: int) -> None:
    """Add noise to `hu[k, j, i]` in place.

    The spectrum rises with the axial frequency (ramp) and falls with the kernel; along z it falls with the
    slice profile. `noise_hu` is the standard deviation of the mean over a 1 x 1 mm pixel of a 1 mm slice.
    """
    if noise_hu <= 0.0:
        return
    rng = np.random.default_rng((seed, 3))
    for start in range(0, hu.shape[0], BLOCK):
        part = hu[start : start + BLOCK]
        shape = tuple(scipy.fft.next_fast_len(n, real=True) for n in part.shape)
        shaped = _spectrum(shape, affine, fwhm, slice_fwhm)
        white = rng.standard_normal(shape, dtype=np.float32)
        spectrum = scipy.fft.rfftn(white, workers=2)
        spectrum *= shaped
        noise = scipy.fft.irfftn(spectrum, s=shape, workers=2)
        part += np.float32(noise_hu) * noise[: part.shape[0], : part.shape[1], : part.shape[2]]


def _spectrum(shape: tuple[int, ...], affine: F64, fwhm: float, slice_fwhm: float) -> F32:
    """Amplitude of each frequency of the half-complex transform, scaled to `noise_hu` = 1."""
    # Rows of the inverse affine turn index frequencies (cycles per voxel) into cycles per mm of LPS.
    to_lps = np.linalg.inv(affine[:3, :3])
    fi = scipy.fft.rfftfreq(shape[2]).astype(np.float32)
    fj = scipy.fft.fftfreq(shape[1]).astype(np.float32)[:, None]
    fk = scipy.fft.fftfreq(shape[0]).astype(np.float32)[:, None, None]
    fx, fy, fz = (
        np.float32(to_lps[0, a]) * fi + np.float32(to_lps[1, a]) * fj + np.float32(to_lps[2, a]) * fk
        for a in range(3)
    )
    axial2 = fx * fx + fy * fy
    plane, along = fwhm / _FWHM, slice_fwhm / _FWHM
    amplitude = np.sqrt(np.sqrt(axial2) + 0.02) * np.exp(
        -2.0 * np.pi**2 * (plane * plane * axial2 + along * along * fz * fz)
    )
    return np.asarray(amplitude / np.float32(_reference(affine, fwhm, slice_fwhm)), dtype=np.float32)


def _reference(affine: F64, fwhm: float, slice_fwhm: float) -> float:
    """Standard deviation that the unscaled spectrum would leave in a 1 mm pixel of a 1 mm slice.

    White noise of unit variance per voxel has density `volume` of a voxel per unit of frequency space.
    """
    voxel = abs(float(np.linalg.det(affine[:3, :3])))
    plane, along = fwhm / _FWHM, 1.0 / _FWHM
    f = np.linspace(-3.0, 3.0, 301)
    fx, fy = np.meshgrid(f, f)
    axial2 = fx * fx + fy * fy
    power = (np.sqrt(axial2) + 0.02) * np.exp(-4.0 * np.pi**2 * plane**2 * axial2)
    in_plane = np.sum(power * np.sinc(fx) ** 2 * np.sinc(fy) ** 2) * (f[1] - f[0]) ** 2
    through = np.sum(np.exp(-4.0 * np.pi**2 * along**2 * f * f)) * (f[1] - f[0])
    return float(np.sqrt(voxel * in_plane * through))
