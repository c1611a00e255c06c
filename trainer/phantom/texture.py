"""The implicit trabecular field: bone at a point, never stored on a grid.

Two band-passed Gaussian fields phi1, phi2 of unit variance; bone where phi1^2 + a phi2^2 < t^2.
`a` = 0 gives plates, `a` = 1 rods; t follows from the wanted BV/TV (law.py). The wavelength sets the
scale. It varies in space by blending two neighbouring levels of a fixed ladder with cos/sin weights,
which keeps the variance and avoids the chirp of a stretched coordinate.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.fft

from trainer.phantom.compiled import inlined

F32 = npt.NDArray[np.float32]

TILE = 192
"""Voxels along each side of the periodic tile."""
TILE_WAVELENGTH = 8.0
"""Voxels in one wavelength of the tile."""
RELATIVE_BANDWIDTH = 0.18
LADDER_BOTTOM = 0.6
"""Shortest wavelength, mm."""
LADDER_RATIO = 1.2
ELONGATION = 1.6
"""How much longer trabeculae are along the main direction of the fabric than those of an isotropic field of
the same volume; the same in every bone, so that one calibration holds for all."""

_LOG_BOTTOM = float(np.log(LADDER_BOTTOM))
_LOG_RATIO = float(np.log(LADDER_RATIO))
_TILE_SEED = 20261121


@cache
def tiles() -> F32:
    """The two fields, interleaved: (TILE, TILE, TILE, 2), zero mean, unit variance, periodic."""
    rng = np.random.default_rng(_TILE_SEED)
    frequency = np.fft.fftfreq(TILE)
    radius = np.sqrt(
        frequency[:, None, None] ** 2
        + frequency[None, :, None] ** 2
        + scipy.fft.rfftfreq(TILE)[None, None] ** 2
    )
    band = np.exp(-0.5 * ((radius * TILE_WAVELENGTH - 1.0) / RELATIVE_BANDWIDTH) ** 2).astype(np.float32)
    out = np.empty((TILE, TILE, TILE, 2), dtype=np.float32)
    for field in range(2):
        spectrum = scipy.fft.rfftn(rng.standard_normal((TILE, TILE, TILE), dtype=np.float32))
        wave = scipy.fft.irfftn(spectrum * band, s=(TILE, TILE, TILE))
        out[..., field] = (wave - wave.mean()) / wave.std()
    return out


def fabric(rotation: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Matrix (3 x 3, determinant 1) from bone mm to isotropic texture mm.

    `rotation` has the main trabecular direction as its third column.
    """
    across = ELONGATION**0.5
    return np.asarray(rotation @ np.diag([across, across, 1.0 / ELONGATION]) @ rotation.T)


@inlined
def sample_tile(tile: F32, u: float, v: float, w: float) -> tuple[float, float]:
    """Both fields at tile coordinates (u, v, w), trilinear, periodic."""
    n = tile.shape[0]
    fu, fv, fw = np.floor(u), np.floor(v), np.floor(w)
    du, dv, dw = u - fu, v - fv, w - fw
    i = int(fu) % n
    j = int(fv) % n
    k = int(fw) % n
    i1 = i + 1 if i + 1 < n else 0
    j1 = j + 1 if j + 1 < n else 0
    k1 = k + 1 if k + 1 < n else 0
    a = (1.0 - du) * (1.0 - dv)
    b = (1.0 - du) * dv
    c = du * (1.0 - dv)
    d = du * dv
    e = 1.0 - dw
    first = e * (
        a * tile[i, j, k, 0] + b * tile[i, j1, k, 0] + c * tile[i1, j, k, 0] + d * tile[i1, j1, k, 0]
    )
    first += dw * (
        a * tile[i, j, k1, 0] + b * tile[i, j1, k1, 0] + c * tile[i1, j, k1, 0] + d * tile[i1, j1, k1, 0]
    )
    second = e * (
        a * tile[i, j, k, 1] + b * tile[i, j1, k, 1] + c * tile[i1, j, k, 1] + d * tile[i1, j1, k, 1]
    )
    second += dw * (
        a * tile[i, j, k1, 1] + b * tile[i, j1, k1, 1] + c * tile[i1, j, k1, 1] + d * tile[i1, j1, k1, 1]
    )
    return first, second


class Level(NamedTuple):
    """Two neighbouring levels of the ladder and how they are blended: all that a wavelength decides."""

    low: float  # tile voxels per mm
    high: float
    low_shift: float
    high_shift: float
    cosine: float
    sine: float


@inlined
def level_of(log_wavelength: float, shift: float) -> Level:
    """The levels of a wavelength.

    `shift` moves the origin of the tile (in its voxels), another for each bone.
    """
    level = (log_wavelength - _LOG_BOTTOM) / _LOG_RATIO
    m = np.floor(level)
    blend = (level - m) * 0.5 * np.pi
    low = TILE_WAVELENGTH / np.exp(_LOG_BOTTOM + m * _LOG_RATIO)
    s0 = shift + 37.7 * m
    return Level(low, low / LADDER_RATIO, s0, s0 + 37.7, np.cos(blend), np.sin(blend))


@inlined
def distance_at(tile: F32, x: float, y: float, z: float, level: Level, rodness: float) -> float:
    """sqrt(phi1^2 + a phi2^2) at a point in texture mm; bone where this is below the threshold."""
    s0, s1 = level.low_shift, level.high_shift
    low, high = level.low, level.high
    p1, p2 = sample_tile(tile, x * low + s0, y * low + 1.7 * s0, z * low + 2.3 * s0)
    q1, q2 = sample_tile(tile, x * high + s1, y * high + 1.7 * s1, z * high + 2.3 * s1)
    f1 = level.cosine * p1 + level.sine * q1
    f2 = level.cosine * p2 + level.sine * q2
    return float(np.sqrt(f1 * f1 + rodness * f2 * f2))


@inlined
def distance_from_core(
    tile: F32, x: float, y: float, z: float, log_wavelength: float, rodness: float, shift: float
) -> float:
    """distance_at for a single point."""
    return distance_at(tile, x, y, z, level_of(log_wavelength, shift), rodness)


@inlined
def covered(distance: float, threshold: float, width: float) -> float:
    """Bone fraction of a small cell: the part of [distance -+ width/2] that lies within -+threshold.

    `width` is what the field changes across the cell, 2 pi cell / wavelength. Without it a hard
    decision at a point would add noise that has nothing to do with the structure.
    """
    upper = min(distance + 0.5 * width, threshold)
    lower = max(distance - 0.5 * width, -threshold)
    return max(0.0, upper - lower) / width
