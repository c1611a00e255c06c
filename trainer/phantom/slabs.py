"""From a scene to the voxels of a grid: cells finer than the voxels are painted, filtered and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.phantom.cells import decimate, decimate_rows
from trainer.phantom.knee import Knee
from trainer.phantom.painting import Painted, Size, paint_scene
from trainer.phantom.spots import Contrast

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

SLAB = 24_000_000
"""Cells of the working grid held at a time."""
FWHM = float(2.0 * np.sqrt(2.0 * np.log(2.0)))
"""Full width at half maximum of a Gaussian, in standard deviations."""


@dataclass(frozen=True, eq=False)
class Sampling:
    """How a scanner samples: `factor[a]` cells to a voxel, the filter `taps[a]` over them, along i, j, k.

    `every` mm the trabecular field is sampled within a cell; None paints the mean of it.
    """

    factor: I64
    taps: list[F64]
    every: float | None
    background: float  # of air
    seen: Callable[[Knee], Contrast]


def taps(variance: float, cell: float) -> F64:
    """Gaussian taps (variance in mm2) at the distance of the cells, less the blur the cell itself brings."""
    sigma = np.sqrt(max(variance - cell * cell / 12.0, 1e-6)) / cell
    radius = int(np.ceil(2.7 * sigma)) if sigma > 0.15 else 0
    values = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-3)) ** 2)
    return np.asarray(values / values.sum())


def sample(scene: Painted, affine: F64, size: Size, how: Sampling) -> F32:
    """Noise-free voxels [k, j, i] of the grid of `affine` and `size` (i, j, k), slab by slab."""
    out = np.empty(size[::-1], dtype=np.float32)
    across = [(size[a] - 1) * int(how.factor[a]) + how.taps[a].size for a in range(2)]
    most = max(1, int((SLAB / (across[0] * across[1]) - how.taps[2].size) / how.factor[2]) + 1)
    for first in range(0, size[2], most):
        count = min(most, size[2] - first)
        out[first : first + count] = _slab(scene, affine, size, first, count, how)
    return out


def _slab(scene: Painted, affine: F64, size: Size, first: int, count: int, how: Sampling) -> F32:
    """Output slices `first` to `first + count`: paint the cells, filter, keep the voxels."""
    counts = (size[0], size[1], count)
    factor, weights = how.factor, how.taps
    shape = [(counts[a] - 1) * int(factor[a]) + weights[a].size for a in range(3)]
    to_cells = np.eye(4)
    for a in range(3):
        to_cells[a, a] = 1.0 / factor[a]
        to_cells[a, 3] = -(weights[a].size // 2) / factor[a]
    to_cells[2, 3] += first
    cells = np.full(shape[::-1], how.background, dtype=np.float32)
    number = first * int(factor[2])
    paint_scene(scene, cells, np.asarray(affine @ to_cells), number, how.seen, how.every)
    nk, nj, ni = cells.shape
    if ni != counts[0] or weights[0].size > 1:
        rows = cells.reshape(nk * nj, ni)
        cells = decimate_rows(rows, weights[0], int(factor[0]), counts[0]).reshape(nk, nj, -1)
    if nj != counts[1] or weights[1].size > 1:
        cells = decimate(cells, weights[1], int(factor[1]), counts[1])
    if nk != counts[2] or weights[2].size > 1:
        cells = decimate(cells.reshape(1, nk, -1), weights[2], int(factor[2]), counts[2])
    return cells.reshape(counts[2], counts[1], counts[0])
