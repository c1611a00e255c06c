"""Exact Euclidean distance to the background with anisotropic voxels, and where that background lies."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from trainer.phantom.compiled import serial

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Voxel = tuple[float, float, float]
"""Distance of neighbouring voxel centres along k, j and i, mm; an infinite first one parts the slices."""


@serial
def _nearest_on_line(
    cost: npt.NDArray[np.float64], step: float, hull: I32, edge: npt.NDArray[np.float64], nearest: I32
) -> None:
    """For each point q of a line, the p of least cost[p] + (step (q - p))^2; -1 where all are infinite.

    Lower envelope of parabolas (Felzenszwalb and Huttenlocher 2012).
    """
    n = cost.size
    last = -1
    for q in range(n):
        if math.isinf(cost[q]):
            continue
        while last >= 0:
            p = hull[last]
            s = ((cost[q] - cost[p]) / (step * step) + q * q - p * p) / (2.0 * (q - p))
            if s > edge[last]:
                break
            last -= 1
        last += 1
        hull[last] = q
        edge[last] = -math.inf if last == 0 else s
    m = 0
    for q in range(n):
        if last < 0:
            nearest[q] = -1
            continue
        while m < last and edge[m + 1] < q:
            m += 1
        nearest[q] = hull[m]


@serial
def _sweep(squared: F32, offset: I32, axis: int, step: float) -> None:
    """One pass of the separable transform along `axis`, in place.

    `offset[k, j, i]` is the vector, in voxels, to the background found so far.
    """
    nk, nj, ni = squared.shape
    n = squared.shape[axis]
    cost = np.empty(n, dtype=np.float64)
    edge = np.empty(n, dtype=np.float64)
    hull = np.empty(n, dtype=np.int32)
    nearest = np.empty(n, dtype=np.int32)
    found = np.empty((n, 3), dtype=np.int32)
    first = nj if axis == 0 else nk
    second = nj if axis == 2 else ni
    for a in range(first):
        for b in range(second):
            for q in range(n):
                k, j, i = (q, a, b) if axis == 0 else ((a, q, b) if axis == 1 else (a, b, q))
                cost[q] = squared[k, j, i]
                found[q] = offset[k, j, i]
            _nearest_on_line(cost, step, hull, edge, nearest)
            for q in range(n):
                p = nearest[q]
                if p < 0:
                    continue
                k, j, i = (q, a, b) if axis == 0 else ((a, q, b) if axis == 1 else (a, b, q))
                squared[k, j, i] = cost[p] + (step * (q - p)) ** 2
                offset[k, j, i] = found[p]
                offset[k, j, i, axis] = p - q


def distance_to_background(mask: Mask, voxel: Voxel) -> tuple[F32, I32]:
    """Distance (mm) of every voxel's centre to the nearest centre outside `mask`, and the vector to it.

    (k, j, i), and (k, j, i, 3) in voxels. What lies beyond the array counts as neither; with no background in
    sight the distance is infinite.
    """
    squared = np.where(mask, np.float32(np.inf), np.float32(0.0))
    offset = np.zeros((*mask.shape, 3), dtype=np.int32)
    for axis in (2, 1, 0):
        if math.isfinite(voxel[axis]):
            _sweep(squared, offset, axis, float(voxel[axis]))
    return np.sqrt(squared), offset
