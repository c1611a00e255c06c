"""The kernel that paints one bone onto a grid of cells, its trabeculae sampled finer than the cells.

Grids are [k, j, i]; `m` (3 x 4) maps a cell's index (i, j, k) to the bone's own frame in mm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainer.phantom.compiled import inlined, parallel, prange
from trainer.phantom.structure import interpolate
from trainer.phantom.texture import covered, distance_from_core

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

CARTILAGE_HU = 95.0
CYST_HU = 15.0
THICKEST_CARTILAGE = 3.5
"""mm; nothing of a bone lies further out."""
POROSITY = 0.07
"""Part of the cortex that is marrow."""


class Sampled(NamedTuple):
    """The maps of a BoneStructure."""

    maps: F32
    origin: F64
    step: float


class Trabeculae(NamedTuple):
    """The implicit field of one bone and the law's table of thresholds (law.StructureLaw)."""

    tile: F32
    fabric: F64
    shift: float
    threshold: F32
    bvtv: F64
    rodness: F64
    width: F64
    textured: bool


class Spot(NamedTuple):
    """What holds at the centre of a cell; it changes little across it, but for the distance."""

    x: float  # bone frame, mm
    y: float
    z: float
    distance: float
    gx: float  # gradient of the distance
    gy: float
    gz: float
    cortex: float
    cartilage: float
    bvtv: float
    log_wavelength: float
    rodness: float
    marrow: float  # HU


@inlined
def hashed(seed: int) -> int:
    """The next number of a small pseudo-random sequence, 31 bits; jitter, not statistics."""
    seed = (seed ^ 61) ^ (seed >> 16)
    seed = (seed * 9) & 0x7FFFFFFF
    seed = seed ^ (seed >> 4)
    seed = (seed * 0x27D4EB2D) & 0x7FFFFFFF
    return seed ^ (seed >> 15)


@inlined
def bracket(axis: F64, value: float) -> tuple[int, float]:
    """The interval of an ascending axis that holds a value, and how far along it lies, 0..1."""
    low = min(max(int(np.searchsorted(axis, value)) - 1, 0), axis.size - 2)
    return low, min(max((value - axis[low]) / (axis[low + 1] - axis[low]), 0.0), 1.0)


@inlined
def threshold_at(law: Trabeculae, bvtv: float, rodness: float, width: float) -> float:
    """Threshold of the field for a BV/TV, rodness and cell width, trilinear in the law's table."""
    ib, u = bracket(law.bvtv, bvtv)
    ia, v = bracket(law.rodness, rodness)
    iw, t = bracket(law.width, width)
    table = law.threshold
    low = (1 - t) * table[ib, ia, iw] + t * table[ib, ia, iw + 1]
    low = (1 - v) * low + v * ((1 - t) * table[ib, ia + 1, iw] + t * table[ib, ia + 1, iw + 1])
    high = (1 - t) * table[ib + 1, ia, iw] + t * table[ib + 1, ia, iw + 1]
    high = (1 - v) * high + v * ((1 - t) * table[ib + 1, ia + 1, iw] + t * table[ib + 1, ia + 1, iw + 1])
    return float((1 - u) * low + u * high)


@inlined
def spot_at(bone: Sampled, x: float, y: float, z: float, distance: float, marrow_hu: float) -> Spot:
    """Every map at a point of the bone's frame whose distance is known already."""
    maps, step = bone.maps, bone.step
    u, v, w = (
        (x - bone.origin[0]) / step,
        (y - bone.origin[1]) / step,
        (z - bone.origin[2]) / step,
    )
    fluid = interpolate(maps, 6, u, v, w)
    return Spot(
        x,
        y,
        z,
        distance,
        (interpolate(maps, 0, u + 0.5, v, w) - interpolate(maps, 0, u - 0.5, v, w)) / step,
        (interpolate(maps, 0, u, v + 0.5, w) - interpolate(maps, 0, u, v - 0.5, w)) / step,
        (interpolate(maps, 0, u, v, w + 0.5) - interpolate(maps, 0, u, v, w - 0.5)) / step,
        interpolate(maps, 1, u, v, w),
        interpolate(maps, 2, u, v, w),
        interpolate(maps, 3, u, v, w),
        interpolate(maps, 4, u, v, w),
        interpolate(maps, 5, u, v, w),
        (1.0 - fluid) * marrow_hu + fluid * CYST_HU,
    )


@inlined
def outside_share(distance: float, size: float) -> float:
    """Part of a sample of the given size that lies outside a surface at this distance."""
    return min(max(distance / size + 0.5, 0.0), 1.0)


@inlined
def bone_share(
    law: Trabeculae,
    spot: Spot,
    ox: float,
    oy: float,
    oz: float,
    threshold: float,
    width: float,
) -> float:
    """Part of a sample, (ox, oy, oz) mm off the spot, that is trabecular bone."""
    x, y, z = spot.x + ox, spot.y + oy, spot.z + oz
    f = law.fabric
    distance = distance_from_core(
        law.tile,
        f[0, 0] * x + f[0, 1] * y + f[0, 2] * z,
        f[1, 0] * x + f[1, 1] * y + f[1, 2] * z,
        f[2, 0] * x + f[2, 1] * y + f[2, 2] * z,
        spot.log_wavelength,
        spot.rodness,
        law.shift,
    )
    return covered(distance, threshold, width)


@inlined
def mix_cell(
    law: Trabeculae,
    spot: Spot,
    m: F64,
    samples: I64,
    size: float,
    bone_hu: float,
    random: int,
) -> tuple[float, float]:
    """Mean HU that a bone adds to a cell, and the part of the cell that it leaves as it was.

    Layers are box-filtered over a sample's own size (mm), as the field is.
    """
    solid = law.textured and spot.bvtv > 0.004
    width = 2.0 * np.pi * size / np.exp(spot.log_wavelength)
    threshold = threshold_at(law, spot.bvtv, spot.rodness, width) if solid else 0.0
    count = samples[0] * samples[1] * samples[2]
    total = 0.0
    outside = 0.0
    for n in range(count):
        random = hashed(random + 1)
        du = (n % samples[0] + (random & 1023) / 1024.0) / samples[0] - 0.5
        dv = (n // samples[0] % samples[1] + (random >> 10 & 1023) / 1024.0) / samples[1] - 0.5
        dw = (n // (samples[0] * samples[1]) + (random >> 20 & 1023) / 1024.0) / samples[2] - 0.5
        ox = m[0, 0] * du + m[0, 1] * dv + m[0, 2] * dw
        oy = m[1, 0] * du + m[1, 1] * dv + m[1, 2] * dw
        oz = m[2, 0] * du + m[2, 1] * dv + m[2, 2] * dw
        distance = spot.distance + spot.gx * ox + spot.gy * oy + spot.gz * oz
        beyond = outside_share(distance - spot.cartilage, size)
        cartilage = outside_share(distance, size) - beyond
        inner = 1.0 - outside_share(distance + spot.cortex, size)
        shell = max(0.0, 1.0 - beyond - cartilage - inner)
        total += cartilage * CARTILAGE_HU + shell * ((1.0 - POROSITY) * bone_hu + POROSITY * spot.marrow)
        if inner > 0.0:
            part = bone_share(law, spot, ox, oy, oz, threshold, width) if solid else spot.bvtv
            total += inner * (part * bone_hu + (1.0 - part) * spot.marrow)
        outside += beyond
    return total / count, outside / count


@parallel
def paint_bone(
    grid: F32,
    box: I64,
    m: F64,
    bone: Sampled,
    law: Trabeculae,
    hu: F64,
    samples: I64,
    first_slice: int,
) -> None:
    """Mix one bone into `grid` (HU): cortex, trabeculae, marrow, cysts and the cartilage on it.

    `box` is (i0, i1, j0, j1, k0, k1); `hu` is (bone tissue, marrow); `samples` along i, j, k are taken in
    every cell; `first_slice` places the jitter, so that slabs agree with one another. Rows are
    independent: the result does not depend on the number of threads.
    """
    side = np.sqrt(m[0, :3] ** 2 + m[1, :3] ** 2 + m[2, :3] ** 2)
    reach = 0.5 * np.sqrt((side**2).sum())
    size = (side[0] / samples[0] * side[1] / samples[1] * side[2] / samples[2]) ** (1.0 / 3.0)
    for row in prange((box[3] - box[2]) * (box[5] - box[4])):
        k = box[4] + row // (box[3] - box[2])
        j = box[2] + row % (box[3] - box[2])
        i = box[0]
        while i < box[1]:
            x = m[0, 0] * i + m[0, 1] * j + m[0, 2] * k + m[0, 3]
            y = m[1, 0] * i + m[1, 1] * j + m[1, 2] * k + m[1, 3]
            z = m[2, 0] * i + m[2, 1] * j + m[2, 2] * k + m[2, 3]
            u, v, w = x - bone.origin[0], y - bone.origin[1], z - bone.origin[2]
            distance = interpolate(bone.maps, 0, u / bone.step, v / bone.step, w / bone.step)
            free = distance - THICKEST_CARTILAGE - reach
            if free > 0.0:
                i += max(1, int(free / side[0]))
                continue
            spot = spot_at(bone, x, y, z, distance, hu[1])
            if distance <= spot.cartilage + reach:
                seed = (i * 73856093 ^ j * 19349663 ^ (k + first_slice) * 83492791) & 0x7FFFFFFF
                value, outside = mix_cell(law, spot, m, samples, size, hu[0], hashed(seed))
                grid[k, j, i] = value + outside * grid[k, j, i]
            i += 1
