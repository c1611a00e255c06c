"""Kernels that paint bones and soft tissue onto a grid of cells. One call, one solid.

Grids are [k, j, i]; `m` (3 x 4) maps a cell's index (i, j, k) to the solid's own frame in mm. Rows are
independent, so the result does not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.phantom.compiled import inlined, parallel, prange
from trainer.phantom.structure import interpolate
from trainer.phantom.texture import covered, distance_from_core

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

CARTILAGE_HU = 95.0
CYST_HU = 15.0


@inlined
def hashed(seed: int) -> int:
    """The next number of a small pseudo-random sequence, 31 bits; jitter, not statistics."""
    seed = (seed ^ 61) ^ (seed >> 16)
    seed = (seed * 9) & 0x7FFFFFFF
    seed = seed ^ (seed >> 4)
    seed = (seed * 0x27D4EB2D) & 0x7FFFFFFF
    return seed ^ (seed >> 15)


@inlined
def threshold_at(
    table: F32, bvtv_axis: F64, rod_axis: F64, width_axis: F64, b: float, a: float, w: float
) -> float:
    """Threshold of the field for a BV/TV, rodness and cell width, trilinear in the law's table."""
    ib = min(max(int(np.searchsorted(bvtv_axis, b)) - 1, 0), bvtv_axis.size - 2)
    ia = min(max(int(np.searchsorted(rod_axis, a)) - 1, 0), rod_axis.size - 2)
    iw = min(max(int(np.searchsorted(width_axis, w)) - 1, 0), width_axis.size - 2)
    u = min(max((b - bvtv_axis[ib]) / (bvtv_axis[ib + 1] - bvtv_axis[ib]), 0.0), 1.0)
    v = min(max((a - rod_axis[ia]) / (rod_axis[ia + 1] - rod_axis[ia]), 0.0), 1.0)
    t = min(max((w - width_axis[iw]) / (width_axis[iw + 1] - width_axis[iw]), 0.0), 1.0)
    low = (1 - t) * table[ib, ia, iw] + t * table[ib, ia, iw + 1]
    low = (1 - v) * low + v * ((1 - t) * table[ib, ia + 1, iw] + t * table[ib, ia + 1, iw + 1])
    high = (1 - t) * table[ib + 1, ia, iw] + t * table[ib + 1, ia, iw + 1]
    high = (1 - v) * high + v * ((1 - t) * table[ib + 1, ia + 1, iw] + t * table[ib + 1, ia + 1, iw + 1])
    return float((1 - u) * low + u * high)


@parallel
def paint_bone(
    grid: F32,
    box: I64,
    m: F64,
    maps: F32,
    origin: F64,
    step: float,
    texture: F64,
    shift: float,
    tile: F32,
    table: F32,
    bvtv_axis: F64,
    rod_axis: F64,
    width_axis: F64,
    hu: F64,
    samples: I64,
    textured: bool,
    first_slice: int,
) -> None:
    """Mix one bone into `grid` (HU): cortex, trabeculae, marrow, cysts and the cartilage on it.

    `box` is (i0, i1, j0, j1, k0, k1); `texture` maps the bone's mm to texture mm; `hu` is (bone tissue,
    marrow); `samples` along i, j, k are taken in every cell; `first_slice` places the jitter,
    so that slabs agree with one another.
    """
    size_i = np.sqrt(m[0, 0] ** 2 + m[1, 0] ** 2 + m[2, 0] ** 2)
    size_j = np.sqrt(m[0, 1] ** 2 + m[1, 1] ** 2 + m[2, 1] ** 2)
    size_k = np.sqrt(m[0, 2] ** 2 + m[1, 2] ** 2 + m[2, 2] ** 2)
    reach = 0.5 * np.sqrt(size_i**2 + size_j**2 + size_k**2)
    ni, nj, nk = samples[0], samples[1], samples[2]
    cell = (size_i / ni * size_j / nj * size_k / nk) ** (1.0 / 3.0)
    rows = (box[3] - box[2]) * (box[5] - box[4])
    for row in prange(rows):
        k = box[4] + row // (box[3] - box[2])
        j = box[2] + row % (box[3] - box[2])
        i = box[0]
        while i < box[1]:
            x = m[0, 0] * i + m[0, 1] * j + m[0, 2] * k + m[0, 3]
            y = m[1, 0] * i + m[1, 1] * j + m[1, 2] * k + m[1, 3]
            z = m[2, 0] * i + m[2, 1] * j + m[2, 2] * k + m[2, 3]
            u, v, w = (x - origin[0]) / step, (y - origin[1]) / step, (z - origin[2]) / step
            d = interpolate(maps, 0, u, v, w)
            if d > 3.5 + reach:
                i += max(1, int((d - 3.5 - reach) / size_i))
                continue
            cartilage = interpolate(maps, 2, u, v, w)
            if d > cartilage + reach:
                i += 1
                continue
            cortex = interpolate(maps, 1, u, v, w)
            gx = interpolate(maps, 0, u + 0.5, v, w) - interpolate(maps, 0, u - 0.5, v, w)
            gy = interpolate(maps, 0, u, v + 0.5, w) - interpolate(maps, 0, u, v - 0.5, w)
            gz = interpolate(maps, 0, u, v, w + 0.5) - interpolate(maps, 0, u, v, w - 0.5)
            gx, gy, gz = gx / step, gy / step, gz / step
            b = interpolate(maps, 3, u, v, w)
            fluid = interpolate(maps, 6, u, v, w)
            marrow = (1.0 - fluid) * hu[1] + fluid * CYST_HU
            log_wavelength = interpolate(maps, 4, u, v, w)
            rod = interpolate(maps, 5, u, v, w)
            width = 2.0 * np.pi * cell / np.exp(log_wavelength)
            threshold = 0.0
            solid = textured and b > 0.004
            if solid:
                threshold = threshold_at(table, bvtv_axis, rod_axis, width_axis, b, rod, width)
            random = hashed((i * 73856093 ^ j * 19349663 ^ (k + first_slice) * 83492791) & 0x7FFFFFFF)
            total = 0.0
            outside = 0.0
            for c in range(nk):
                for r in range(nj):
                    for q in range(ni):
                        random = hashed(random + 1)
                        du = (q + (random & 1023) / 1024.0) / ni - 0.5
                        dv = (r + (random >> 10 & 1023) / 1024.0) / nj - 0.5
                        dw = (c + (random >> 20 & 1023) / 1024.0) / nk - 0.5
                        ox = m[0, 0] * du + m[0, 1] * dv + m[0, 2] * dw
                        oy = m[1, 0] * du + m[1, 1] * dv + m[1, 2] * dw
                        oz = m[2, 0] * du + m[2, 1] * dv + m[2, 2] * dw
                        s = d + gx * ox + gy * oy + gz * oz
                        # Layers are box-filtered over the sample's own size, as the texture is.
                        beyond = min(max((s - cartilage) / cell + 0.5, 0.0), 1.0)
                        covering = min(max(s / cell + 0.5, 0.0), 1.0) - beyond
                        if covering < 0.0:
                            covering = 0.0
                            beyond = min(max(s / cell + 0.5, 0.0), 1.0)
                        inner = min(max(0.5 - (s + cortex) / cell, 0.0), 1.0)
                        shell = max(0.0, 1.0 - beyond - covering - inner)
                        value = covering * CARTILAGE_HU + shell * (0.93 * hu[0] + 0.07 * marrow)
                        if inner > 0.0:
                            part = b
                            if solid:
                                px, py, pz = x + ox, y + oy, z + oz
                                distance = distance_from_core(
                                    tile,
                                    texture[0, 0] * px + texture[0, 1] * py + texture[0, 2] * pz,
                                    texture[1, 0] * px + texture[1, 1] * py + texture[1, 2] * pz,
                                    texture[2, 0] * px + texture[2, 1] * py + texture[2, 2] * pz,
                                    log_wavelength,
                                    rod,
                                    shift,
                                )
                                part = covered(distance, threshold, width)
                            value += inner * (part * hu[0] + (1.0 - part) * marrow)
                        total += value
                        outside += beyond
            n = ni * nj * nk
            grid[k, j, i] = (total + outside * grid[k, j, i]) / n
            i += 1


@parallel
def paint_layers(
    grid: F32, box: I64, m: F64, maps: F32, origin: F64, step: float, hu: F64, edge: float
) -> None:
    """Paint the layers of `maps` (distances, last axis) in order, each with its HU, edges `edge` mm wide."""
    layers = maps.shape[3]
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
            if d > edge:
                i += max(1, int(0.5 * (d - edge) / size_i))
                continue
            value = grid[k, j, i]
            for layer in range(layers):
                if layer > 0:
                    d = interpolate(maps, layer, x, y, z)
                cover = min(max(0.5 - d / edge, 0.0), 1.0)
                value += cover * (hu[layer] - value)
            grid[k, j, i] = value
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
