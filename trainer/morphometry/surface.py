"""Surface density by counting crossings of test lines (Crofton), with anisotropic voxels and within a region.

S/V = 2 I/L: twice the crossings per length of randomly turned lines. The lines are those through
neighbouring voxels, 13 directions in space or 4 in a slice, each weighted by the part of all directions that
is closest to it (Ohser and Muecklich, Statistical Analysis of Microstructures, 2000, section 4.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from trainer.morphometry.distance import Mask, Voxel
from trainer.phantom.compiled import serial

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_FACES = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
_EDGES = ((0, 1, 1), (0, 1, -1), (1, 0, 1), (1, 0, -1), (1, 1, 0), (1, -1, 0))
_CORNERS = ((1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1))
_SPIRAL = 20_000
"""Points of the even cover of the sphere that shares it out among the directions."""


@dataclass(frozen=True, eq=False)
class LatticeLines:
    """Directions of lines through a lattice.

    `step` (n, 3) in voxels, `length` (n,) mm of one step, unit `axis` (n, 3) along k, j, i, and `weight`
    (n,), which sums to 1.
    """

    step: I64
    length: F64
    axis: F64
    weight: F64


@cache
def lattice_lines(voxel: Voxel) -> LatticeLines:
    """The 13 directions of a lattice, or the 4 of a slice where the first side is infinite."""
    flat = math.isinf(voxel[0])
    step = np.array([d for d in _FACES + _EDGES + _CORNERS if not (flat and d[0])], dtype=np.int64)
    sides = np.array([0.0 if flat else voxel[0], voxel[1], voxel[2]])
    vector = step * sides
    length = np.linalg.norm(vector, axis=1)
    axis = vector / length[:, None]
    nearest = np.abs(_directions(flat) @ axis.T).argmax(axis=1)
    weight = np.bincount(nearest, minlength=len(step)) / len(nearest)
    return LatticeLines(step, length, axis, weight)


def _directions(flat: bool) -> F64:
    """Directions (n, 3) spread evenly over the circle of a slice, or over the sphere (Fibonacci spiral)."""
    n = np.arange(_SPIRAL) + 0.5
    if flat:
        angle = 2.0 * np.pi * n / _SPIRAL
        return np.stack([np.zeros_like(angle), np.sin(angle), np.cos(angle)], axis=1)
    height = 1.0 - 2.0 * n / _SPIRAL
    angle = np.pi * (1.0 + 5.0**0.5) * n
    flank = np.sqrt(1.0 - height**2)
    return np.stack([height, flank * np.sin(angle), flank * np.cos(angle)], axis=1)


@serial
def _count(mask: Mask, region: Mask, step: I64, crossings: I64, pairs: I64) -> None:
    """For each direction, the neighbours that both lie in the region, and those that differ."""
    nk, nj, ni = mask.shape
    for d in range(step.shape[0]):
        dk, dj, di = step[d, 0], step[d, 1], step[d, 2]
        crossed, seen = 0, 0
        for k in range(max(0, -dk), min(nk, nk - dk)):
            for j in range(max(0, -dj), min(nj, nj - dj)):
                for i in range(max(0, -di), min(ni, ni - di)):
                    if region[k, j, i] and region[k + dk, j + dj, i + di]:
                        seen += 1
                        crossed += mask[k, j, i] != mask[k + dk, j + dj, i + di]
        crossings[d] = crossed
        pairs[d] = seen


def crossings_per_mm(mask: Mask, voxel: Voxel, region: Mask | None = None) -> F64:
    """Surface crossings per mm of line, for each direction of `lattice_lines(voxel)`; NaN without line.

    Crossings are counted between voxels that both lie in `region` (the whole array without one).
    """
    lines = lattice_lines(voxel)
    crossings, pairs = np.zeros(len(lines.step), np.int64), np.zeros(len(lines.step), np.int64)
    inside = np.ones(mask.shape, dtype=np.bool_) if region is None else region
    _count(mask, inside, lines.step, crossings, pairs)
    with np.errstate(invalid="ignore"):
        return np.asarray(crossings / (pairs * lines.length))


def surface_density(mask: Mask, voxel: Voxel, region: Mask | None = None) -> float:
    """BS/TV in 1/mm: surface of `mask` over the volume of the region.

    Slice by slice (an infinite first side) the structure is taken to be isotropic.
    """
    return float(2.0 * np.sum(lattice_lines(voxel).weight * crossings_per_mm(mask, voxel, region)))
