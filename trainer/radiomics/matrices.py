"""The texture matrices of one patch, in three dimensions: IBSI 3.6 to 3.10.

`levels` is [k, j, i], 0 where a voxel does not count. Directions are the 13 of the 26 neighbours that are not
each other's opposite; matrices are merged over them ("3D: merged", IBSI IAZD).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.phantom.compiled import serial
from trainer.radiomics.grey_levels import Levels

F64 = npt.NDArray[np.float64]

DIRECTIONS = np.array(
    [(k, j, i) for k in (-1, 0, 1) for j in (-1, 0, 1) for i in (-1, 0, 1) if (k, j, i) > (0, 0, 0)]
)


def cooccurrence(levels: Levels, distance: int) -> F64:
    """GLCM (LFYI): how often level i lies at a Chebyshev distance from level j; symmetric, (Ng, Ng)."""
    counts = _pairs(levels, DIRECTIONS * distance, int(levels.max()))
    return counts + counts.T


def run_lengths(levels: Levels) -> F64:
    """GLRLM (TP0I): runs of level i and length j, (Ng, longest)."""
    return _runs(levels, DIRECTIONS, int(levels.max()), max(levels.shape))


def zone_sizes(levels: Levels) -> tuple[Levels, Levels]:
    """GLSZM (9SAK) as a list: the level and the voxels of each zone of equal levels, linked over 26."""
    return _zones(levels)


def tone_differences(levels: Levels) -> tuple[F64, F64]:
    """NGTDM (IPET): of each level, its voxels with a neighbour, and s, the sum of their differences."""
    return _tones(levels, int(levels.max()))


@serial
def _pairs(levels: Levels, offsets: Levels, count: int) -> F64:
    nk, nj, ni = levels.shape
    out = np.zeros((count, count))
    for d in range(len(offsets)):
        dk, dj, di = offsets[d, 0], offsets[d, 1], offsets[d, 2]
        for k in range(nk):
            for j in range(nj):
                for i in range(ni):
                    a, b, c = k + dk, j + dj, i + di
                    if a < 0 or b < 0 or c < 0 or a >= nk or b >= nj or c >= ni:
                        continue
                    if levels[k, j, i] > 0 and levels[a, b, c] > 0:
                        out[levels[k, j, i] - 1, levels[a, b, c] - 1] += 1.0
    return out


@serial
def _runs(levels: Levels, offsets: Levels, count: int, longest: int) -> F64:
    nk, nj, ni = levels.shape
    out = np.zeros((count, longest))
    for d in range(len(offsets)):
        dk, dj, di = offsets[d, 0], offsets[d, 1], offsets[d, 2]
        for k in range(nk):
            for j in range(nj):
                for i in range(ni):
                    level = levels[k, j, i]
                    if level == 0:
                        continue
                    a, b, c = k - dk, j - dj, i - di
                    inside = 0 <= a < nk and 0 <= b < nj and 0 <= c < ni
                    if inside and levels[a, b, c] == level:
                        continue  # the run began before
                    length = 0
                    a, b, c = k, j, i
                    while 0 <= a < nk and 0 <= b < nj and 0 <= c < ni and levels[a, b, c] == level:
                        length += 1
                        a, b, c = a + dk, b + dj, c + di
                    out[level - 1, length - 1] += 1.0
    return out


@serial
def _zones(levels: Levels) -> tuple[Levels, Levels]:
    nk, nj, ni = levels.shape
    seen = np.zeros(levels.shape, np.bool_)
    stack = np.empty((levels.size, 3), np.int64)
    found, sizes, zones = np.empty(levels.size, np.int64), np.empty(levels.size, np.int64), 0
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                level = levels[k, j, i]
                if level == 0 or seen[k, j, i]:
                    continue
                seen[k, j, i] = True
                stack[0, 0], stack[0, 1], stack[0, 2] = k, j, i
                waiting, size = 1, 0
                while waiting > 0:
                    waiting -= 1
                    size += 1
                    a, b, c = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2]
                    for x in range(max(a - 1, 0), min(a + 2, nk)):
                        for y in range(max(b - 1, 0), min(b + 2, nj)):
                            for z in range(max(c - 1, 0), min(c + 2, ni)):
                                if levels[x, y, z] == level and not seen[x, y, z]:
                                    seen[x, y, z] = True
                                    stack[waiting, 0], stack[waiting, 1], stack[waiting, 2] = x, y, z
                                    waiting += 1
                found[zones], sizes[zones] = level, size
                zones += 1
    return found[:zones].copy(), sizes[:zones].copy()


@serial
def _tones(levels: Levels, count: int) -> tuple[F64, F64]:
    nk, nj, ni = levels.shape
    voxels, differences = np.zeros(count), np.zeros(count)
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                level = levels[k, j, i]
                if level == 0:
                    continue
                total, neighbours = 0, -1  # the voxel itself lies in the box
                for x in range(max(k - 1, 0), min(k + 2, nk)):
                    for y in range(max(j - 1, 0), min(j + 2, nj)):
                        for z in range(max(i - 1, 0), min(i + 2, ni)):
                            if levels[x, y, z] > 0:
                                total += levels[x, y, z]
                                neighbours += 1
                if neighbours > 0:
                    voxels[level - 1] += 1.0
                    differences[level - 1] += abs(level - (total - level) / neighbours)
    return voxels, differences
