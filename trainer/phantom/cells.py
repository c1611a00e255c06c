"""Kernels on grids of cells: layers of tissue, labels, and the filter that makes voxels of cells.

Grids are [k, j, i]; `m` (3 x 4) maps a cell's index (i, j, k) to the solid's own frame in mm.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.phantom.compiled import inlined, parallel, prange
from trainer.phantom.structure import interpolate

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]


THREADS = (2.4, 2.4, 0.7)
"""Voxels of the texture's tile to a mm along x, y and z: threads some 3 mm apart that run along the leg."""
SPARSE = 0.7
"""Where the tile's field is above this there is something of the other tissue."""
STEEPEST = 6.0
"""Layers change by no more than this for each mm."""


@inlined
def worth_of(
    hu: F64, of: I64, share: F64, layer: int, tile: F32, shift: float, x: float, y: float, z: float
) -> float:
    """What a layer is worth at a point (mm of its own frame), threads of another tissue in it."""
    worth = float(hu[layer])
    if of[layer] >= 0:
        n = tile.shape[0]
        i = int(np.floor(x * THREADS[0] + shift)) % n
        j = int(np.floor(y * THREADS[1] + 1.7 * shift)) % n
        k = int(np.floor(z * THREADS[2] + 2.3 * shift)) % n
        strength = min(max(tile[i, j, k, 0] - SPARSE, 0.0), 1.0)
        worth += share[layer] * strength * (hu[of[layer]] - worth)
    return worth


@parallel
def paint_layers(
    grid: F32,
    box: I64,
    m: F64,
    maps: F32,
    origin: F64,
    step: float,
    hu: F64,
    edge: float,
    of: I64,
    share: F64,
    tile: F32,
    shift: float,
) -> None:
    """Paint the layers of `maps` (distances, last axis) in order, each with its HU, edges `edge` mm wide.

    `of`, `share` and `shift` are the layers' Mottling, `tile` the field that places it. Nothing is painted
    outside the first layer. Layers are looked at from the last one down to the first that covers the cell,
    and one that is far away not again before it can have come near.
    """
    layers = maps.shape[3]
    size_i = np.sqrt(m[0, 0] ** 2 + m[1, 0] ** 2 + m[2, 0] ** 2)
    fastest = STEEPEST * size_i
    rows = (box[3] - box[2]) * (box[5] - box[4])
    for row in prange(rows):
        k = box[4] + row // (box[3] - box[2])
        j = box[2] + row % (box[3] - box[2])
        wake = np.zeros(layers, dtype=np.int64)
        inside, first = 0, 1.0  # up to where the first layer surely covers cells, and how much of this one
        i = box[0]
        while i < box[1]:
            p = m[0, 0] * i + m[0, 1] * j + m[0, 2] * k + m[0, 3]
            q = m[1, 0] * i + m[1, 1] * j + m[1, 2] * k + m[1, 3]
            r = m[2, 0] * i + m[2, 1] * j + m[2, 2] * k + m[2, 3]
            x, y, z = (p - origin[0]) / step, (q - origin[1]) / step, (r - origin[2]) / step
            if i >= inside:
                d = interpolate(maps, 0, x, y, z)
                if d > edge:
                    i += max(1, int(0.5 * (d - edge) / size_i))
                    continue
                first = min(max(0.5 - d / edge, 0.0), 1.0)
                inside = i + 1 + int(max(-d - 0.5 * edge, 0.0) / fastest)
            painted, left = 0.0, 1.0
            layer = layers - 1
            while layer > 0 and left > 0.0:
                if i >= wake[layer]:
                    d = interpolate(maps, layer, x, y, z)
                    if d < 0.5 * edge:
                        cover = min(0.5 - d / edge, 1.0)
                        painted += left * cover * worth_of(hu, of, share, layer, tile, shift, p, q, r)
                        left *= 1.0 - cover
                    else:
                        wake[layer] = i + int((d - 0.5 * edge) / fastest)
                layer -= 1
            if left > 0.0:
                painted += left * first * worth_of(hu, of, share, 0, tile, shift, p, q, r)
                left *= 1.0 - first
            grid[k, j, i] = painted + left * grid[k, j, i]
            i += 1


@parallel
def label_bone(labels: U8, box: I64, m: F64, maps: F32, origin: F64, step: float, label: int) -> None:
    """Set `label` where the centre of a cell lies in the bone."""
    size_i = np.sqrt(m[0, 0] ** 2 + m[1, 0] ** 2 + m[2, 0] ** 2)
    rows = (box[3] - box[2]) * (box[5] - box[4])
    for row in prange(rows):
        k = box[4] + row // (box[3] - box[2])
        j = box[2] + row % (box[3] - box[2])
        i = box[0]
        while i < box[1]:
            x = (m[0, 0] * i + m[0, 1] * j + m[0, 2] * k + m[0, 3] - origin[0]) / step
            y = (m[1, 0] * i + m[1, 1] * j + m[1, 2] * k + m[1, 3] - origin[1]) / step
            z = (m[2, 0] * i + m[2, 1] * j + m[2, 2] * k + m[2, 3] - origin[2]) / step
            d = interpolate(maps, 0, x, y, z)
            if d < 0.0:
                labels[k, j, i] = label
            i += max(1, int(0.9 * d / size_i))


@parallel
def decimate(work: F32, weights: F64, factor: int, count: int) -> F32:
    """Filter (outer, n, inner) along the middle axis and keep every `factor`-th: (outer, count, inner)."""
    outer, _, inner = work.shape
    out = np.zeros((outer, count, inner), dtype=np.float32)
    for row in prange(outer * count):
        o = row // count
        m = row % count
        for t in range(weights.size):
            weight = np.float32(weights[t])
            for q in range(inner):
                out[o, m, q] += weight * work[o, m * factor + t, q]
    return out


@parallel
def decimate_rows(work: F32, weights: F64, factor: int, count: int) -> F32:
    """As decimate along the last axis: (outer, n) to (outer, count)."""
    outer = work.shape[0]
    taps = weights.astype(np.float32)
    out = np.zeros((outer, count), dtype=np.float32)
    for o in prange(outer):
        for t in range(taps.size):
            for m in range(count):
                out[o, m] += taps[t] * work[o, m * factor + t]
    return out
