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
def _along_rows(mask: Mask, step: float, squared: F32, offset: I32) -> None:
    """Squared distance to the nearest background of the row, by a scan each way; infinite without any."""
    nk, nj, ni = mask.shape
    for k in range(nk):
        for j in range(nj):
            last = -1
            for i in range(ni):
                if not mask[k, j, i]:
                    last = i
                squared[k, j, i] = np.inf if last < 0 else (step * (i - last)) ** 2
                offset[k, j, i, 2] = last - i
            last = -1
            for i in range(ni - 1, -1, -1):
                if not mask[k, j, i]:
                    last = i
                if last >= 0 and (step * (last - i)) ** 2 < squared[k, j, i]:
                    squared[k, j, i] = (step * (last - i)) ** 2
                    offset[k, j, i, 2] = last - i


@serial
def _across_rows(squared: F32, offset: I32, axis: int, step: float) -> None:
    """Let every point look along `axis` (0 or 1) for a point from which the background is nearer, in place.

    The search ends where its own length exceeds the best distance found: few steps, since bone is thin.
    """
    nk, nj, ni = squared.shape
    n = squared.shape[axis]
    cost, found = np.empty(n, dtype=np.float32), np.empty((n, 3), dtype=np.int32)
    for line in range(nj if axis == 0 else nk):
        for i in range(ni):
            for q in range(n):
                k, j = (q, line) if axis == 0 else (line, q)
                cost[q] = squared[k, j, i]
                found[q] = offset[k, j, i]
            for q in range(n):
                best, nearest = cost[q], q
                for reach in range(1, n):
                    length = (step * reach) ** 2
                    if length >= best:
                        break
                    for p in (q - reach, q + reach):
                        if 0 <= p < n and cost[p] + length < best:
                            best, nearest = np.float32(cost[p] + length), p
                if nearest != q:
                    k, j = (q, line) if axis == 0 else (line, q)
                    squared[k, j, i] = best
                    offset[k, j, i] = found[nearest]
                    offset[k, j, i, axis] = nearest - q


def distance_to_background(mask: Mask, voxel: Voxel) -> tuple[F32, I32]:
    """Distance (mm) of every voxel's centre to the nearest centre outside `mask`, and the vector to it.

    (k, j, i), and (k, j, i, 3) in voxels. What lies beyond the array counts as neither; with no background in
    sight the distance is infinite.
    """
    squared = np.empty(mask.shape, dtype=np.float32)
    offset = np.zeros((*mask.shape, 3), dtype=np.int32)
    _along_rows(mask, float(voxel[2]), squared, offset)
    for axis in (1, 0):
        if math.isfinite(voxel[axis]):
            _across_rows(squared, offset, axis, float(voxel[axis]))
    return np.sqrt(squared), offset
