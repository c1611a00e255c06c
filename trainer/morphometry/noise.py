"""Noise of a magnitude image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.morphometry.distance import F32, Mask

TILE = 16
"""Pixels along each side of the tiles of a slice that may be air."""
LEAST_TILES = 20
RAYLEIGH_RATIO = (4.0 / np.pi - 1.0) ** 0.5
"""Standard deviation over mean of pure noise in a magnitude image: 0.523."""
_RATIO_SPREAD = 0.08
_LEVEL_SPREAD = 1.25
"""Tiles of one noise level differ by 3 %; the lowest of thousands lies 12 % down."""
_ZEROS = 0.05
"""A tile with a larger part of zeros lies on the edge of what the scanner has blanked."""
_MAD = 0.6745
"""Median absolute deviation of a normal distribution of unit standard deviation."""


@dataclass(frozen=True)
class Noise:
    """Noise of a magnitude image: `level`, the standard deviation of either channel in units of the signal.

    `band` is the part of k-space along a row or column that was measured before the image was interpolated to
    its matrix: neighbouring pixels then share noise.
    """

    level: float
    band: float = 1.0

    def covariance(self, lags: int) -> npt.NDArray[np.float64]:
        """Of two pixels of a row or column 0 to `lags` apart, in the signal's units squared."""
        return np.asarray(self.level**2 * np.sinc(self.band * np.arange(lags + 1)))


def noise_of(signal: F32, region: Mask | None = None) -> Noise:
    """The noise of `signal` [k, j, i].

    From air, where the magnitude is Rayleigh distributed: half the mean square (Henkelman 1985, Med Phys 12:
    232-233), and the correlation of the squares of neighbours is the square of the noise's own. Air are the
    tiles whose spread over mean is that of Rayleigh noise, at the lowest level that is found. Where the
    scanner has blanked the air there are none: then from differences within `region`, as white noise;
    structure adds to those, so that this is an upper bound.
    """
    tiles, level = _air(signal)
    if level.size < LEAST_TILES:
        return Noise(
            _from_differences(signal if region is None else np.where(region, signal, np.float32(np.nan)))
        )
    lowest = level < _LEVEL_SPREAD * level.min()
    return Noise(float(np.median(level[lowest])), _band(tiles[lowest]))


def _air(signal: F32) -> tuple[F32, npt.NDArray[np.float64]]:
    """Tiles (n, TILE, TILE) that look like air, and the noise level (n,) in each."""
    nk, nj, ni = signal.shape
    rows, columns = nj // TILE, ni // TILE
    tiles = signal[:, : rows * TILE, : columns * TILE].reshape(nk, rows, TILE, columns, TILE)
    mean = tiles.mean(axis=(2, 4), dtype=np.float64)
    square = np.square(tiles).mean(axis=(2, 4), dtype=np.float64)
    spread = np.sqrt(np.maximum(square - mean**2, 0.0))
    blanked = (tiles == 0.0).mean(axis=(2, 4)) > _ZEROS
    air = ~blanked & (mean > 0.0) & (np.abs(spread - RAYLEIGH_RATIO * mean) < _RATIO_SPREAD * mean)
    k, j, i = np.nonzero(air)
    return tiles[k, j, :, i, :], np.asarray(np.sqrt(0.5 * square[air]))


def _band(tiles: F32) -> float:
    """The band whose noise neighbours correlate as these do, between a half and one."""
    power = np.square(tiles, dtype=np.float64)
    power -= power.mean()
    shared = 0.5 * (np.mean(power[:, 1:] * power[:, :-1]) + np.mean(power[..., 1:] * power[..., :-1]))
    neighbours = np.sqrt(max(float(shared / np.mean(power**2)), 0.0))
    bands = np.linspace(0.5, 1.0, 501)
    return float(np.interp(-neighbours, -np.sinc(bands), bands))


def _from_differences(signal: F32) -> float:
    """From the diagonal detail of 2 x 2 pixels, by its median absolute value (Donoho and Johnstone 1994)."""
    rows, columns = (n - n % 2 for n in signal.shape[1:])
    s = signal[:, :rows, :columns]
    detail = 0.5 * (s[:, ::2, ::2] - s[:, 1::2, ::2] - s[:, ::2, 1::2] + s[:, 1::2, 1::2])
    known = np.abs(detail[np.isfinite(detail)])
    return float(np.median(known) / _MAD) if known.size else float("nan")
