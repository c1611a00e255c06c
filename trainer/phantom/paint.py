"""The kernel that paints one bone onto a grid of cells, its trabeculae sampled finer than the cells.

What a tissue is worth (HU of CT, signal of MR) stands in a Contrast: one kernel serves both scanners.

Grids are [k, j, i]; `m` (3 x 4) maps a cell's index (i, j, k) to the bone's own frame in mm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainer.phantom.compiled import inlined, parallel, prange
from trainer.phantom.spots import Contrast, Sampled, Spot, deep_spot_at, spot_at, trabecular_mix
from trainer.phantom.structure import interpolate
from trainer.phantom.texture import Level, covered, distance_at, level_of

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

THICKEST_CARTILAGE = 3.5
"""mm; nothing of a bone lies further out."""
BLOCK = 16
"""Cells along each side of the blocks that are visited together."""
POROSITY = 0.07
"""Part of the cortex that is marrow."""


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
    low, high = 0, axis.size - 1
    while high - low > 1:
        middle = (low + high) // 2
        if axis[middle] < value:
            low = middle
        else:
            high = middle
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
def outside_share(distance: float, size: float) -> float:
    """Part of a sample of the given size that lies outside a surface at this distance."""
    return min(max(distance / size + 0.5, 0.0), 1.0)


@inlined
def bone_share(
    law: Trabeculae,
    spot: Spot,
    level: Level,
    ox: float,
    oy: float,
    oz: float,
    threshold: float,
    width: float,
) -> float:
    """Part of a sample, (ox, oy, oz) mm off the spot, that is trabecular bone."""
    x, y, z = spot.x + ox, spot.y + oy, spot.z + oz
    f = law.fabric
    distance = distance_at(
        law.tile,
        f[0, 0] * x + f[0, 1] * y + f[0, 2] * z,
        f[1, 0] * x + f[1, 1] * y + f[1, 2] * z,
        f[2, 0] * x + f[2, 1] * y + f[2, 2] * z,
        level,
        spot.rodness,
    )
    return covered(distance, threshold, width)


@inlined
def offset(m: F64, samples: I64, n: int, random: int) -> tuple[float, float, float]:
    """Sample n of a cell, jittered, in mm off its centre."""
    du = (n % samples[0] + (random & 1023) / 1024.0) / samples[0] - 0.5
    dv = (n // samples[0] % samples[1] + (random >> 10 & 1023) / 1024.0) / samples[1] - 0.5
    dw = (n // (samples[0] * samples[1]) + (random >> 20 & 1023) / 1024.0) / samples[2] - 0.5
    return (
        m[0, 0] * du + m[0, 1] * dv + m[0, 2] * dw,
        m[1, 0] * du + m[1, 1] * dv + m[1, 2] * dw,
        m[2, 0] * du + m[2, 1] * dv + m[2, 2] * dw,
    )


@inlined
def mix_deep_cell(
    law: Trabeculae, spot: Spot, m: F64, samples: I64, size: float, seen: Contrast, random: int
) -> float:
    """A cell that is all trabecular bone and marrow."""
    if not law.textured or spot.bvtv <= 0.004:
        return trabecular_mix(seen, spot.marrow, spot.bvtv)
    width = 2.0 * np.pi * size / np.exp(spot.log_wavelength)
    threshold = threshold_at(law, spot.bvtv, spot.rodness, width)
    level = level_of(spot.log_wavelength, law.shift)
    count = samples[0] * samples[1] * samples[2]
    share = 0.0
    for n in range(count):
        random = hashed(random + 1)
        ox, oy, oz = offset(m, samples, n, random)
        share += bone_share(law, spot, level, ox, oy, oz, threshold, width)
    return trabecular_mix(seen, spot.marrow, share / count)


@inlined
def mix_cell(
    law: Trabeculae,
    spot: Spot,
    m: F64,
    samples: I64,
    size: float,
    seen: Contrast,
    random: int,
) -> tuple[float, float]:
    """What a bone adds to a cell, and the part of the cell that it leaves as it was.

    Layers are box-filtered over a sample's own size (mm), as the field is.
    """
    solid = law.textured and spot.bvtv > 0.004
    width = 2.0 * np.pi * size / np.exp(spot.log_wavelength)
    threshold = threshold_at(law, spot.bvtv, spot.rodness, width) if solid else 0.0
    level = level_of(spot.log_wavelength, law.shift)
    count = samples[0] * samples[1] * samples[2]
    cortical = (1.0 - POROSITY) * seen.bone + POROSITY * spot.marrow
    total, within, bone, outside = 0.0, 0.0, 0.0, 0.0
    for n in range(count):
        random = hashed(random + 1)
        ox, oy, oz = offset(m, samples, n, random)
        distance = spot.distance + spot.gx * ox + spot.gy * oy + spot.gz * oz
        beyond = outside_share(distance - spot.cartilage, size)
        cartilage = outside_share(distance, size) - beyond
        inner = 1.0 - outside_share(distance + spot.cortex, size)
        shell = max(0.0, 1.0 - beyond - cartilage - inner)
        total += cartilage * seen.cartilage + shell * cortical
        if inner > 0.0:
            within += inner
            bone += inner * (
                bone_share(law, spot, level, ox, oy, oz, threshold, width) if solid else spot.bvtv
            )
        outside += beyond
    if within > 0.0:
        total += within * trabecular_mix(seen, spot.marrow, bone / within)
    return total / count, outside / count


@inlined
def distance_of(bone: Sampled, m: F64, i: float, j: float, k: float) -> float:
    """mm from a cell to the bone's surface."""
    x = m[0, 0] * i + m[0, 1] * j + m[0, 2] * k + m[0, 3] - bone.origin[0]
    y = m[1, 0] * i + m[1, 1] * j + m[1, 2] * k + m[1, 3] - bone.origin[1]
    z = m[2, 0] * i + m[2, 1] * j + m[2, 2] * k + m[2, 3] - bone.origin[2]
    return interpolate(bone.maps, 0, x / bone.step, y / bone.step, z / bone.step)


@inlined
def paint_cell(
    grid: F32,
    i: int,
    j: int,
    k: int,
    m: F64,
    bone: Sampled,
    law: Trabeculae,
    seen: Contrast,
    samples: I64,
    size: float,
    reach: float,
    first_slice: int,
) -> float:
    """Mix a bone into one cell; returns how far (mm) beyond the cell the bone surely begins, or 0."""
    x = m[0, 0] * i + m[0, 1] * j + m[0, 2] * k + m[0, 3]
    y = m[1, 0] * i + m[1, 1] * j + m[1, 2] * k + m[1, 3]
    z = m[2, 0] * i + m[2, 1] * j + m[2, 2] * k + m[2, 3]
    u, v, w = (
        (x - bone.origin[0]) / bone.step,
        (y - bone.origin[1]) / bone.step,
        (z - bone.origin[2]) / bone.step,
    )
    distance = interpolate(bone.maps, 0, u, v, w)
    if distance > THICKEST_CARTILAGE + reach:
        return distance - THICKEST_CARTILAGE - reach
    random = hashed((i * 73856093 ^ j * 19349663 ^ (k + first_slice) * 83492791) & 0x7FFFFFFF)
    if distance + interpolate(bone.maps, 1, u, v, w) < -(reach + size):
        spot = deep_spot_at(bone, x, y, z, distance, seen)
        grid[k, j, i] = mix_deep_cell(law, spot, m, samples, size, seen, random)
        return 0.0
    spot = spot_at(bone, x, y, z, distance, seen)
    if distance <= spot.cartilage + reach:
        value, outside = mix_cell(law, spot, m, samples, size, seen, random)
        grid[k, j, i] = value + outside * grid[k, j, i]
    return 0.0


@parallel
def paint_bone(
    grid: F32,
    box: I64,
    m: F64,
    bone: Sampled,
    law: Trabeculae,
    seen: Contrast,
    samples: I64,
    first_slice: int,
) -> None:
    """Mix one bone into `grid`: cortex, trabeculae, marrow, cysts and the cartilage on it.

    `box` is (i0, i1, j0, j1, k0, k1); `samples` along i, j, k are taken in every cell; `first_slice`
    places the jitter, so that slabs agree with one another. Cells are independent: the result does not
    depend on the number of threads. They are visited block by block, since the texture's tile is larger
    than a processor's cache and neighbours in space read the same part of it.
    """
    side = np.sqrt(m[0, :3] ** 2 + m[1, :3] ** 2 + m[2, :3] ** 2)
    reach = 0.5 * np.sqrt((side**2).sum())
    size = (side[0] / samples[0] * side[1] / samples[1] * side[2] / samples[2]) ** (1.0 / 3.0)
    clear = THICKEST_CARTILAGE + (BLOCK + 1) * reach  # of a block's centre, from the bone
    ni = (box[1] - box[0] + BLOCK - 1) // BLOCK
    nj = (box[3] - box[2] + BLOCK - 1) // BLOCK
    nk = (box[5] - box[4] + BLOCK - 1) // BLOCK
    for block in prange(ni * nj * nk):
        i0 = box[0] + block % ni * BLOCK
        j0 = box[2] + block // ni % nj * BLOCK
        k0 = box[4] + block // (ni * nj) * BLOCK
        if distance_of(bone, m, i0 + 0.5 * BLOCK, j0 + 0.5 * BLOCK, k0 + 0.5 * BLOCK) > clear:
            continue
        for k in range(k0, min(k0 + BLOCK, box[5])):
            for j in range(j0, min(j0 + BLOCK, box[3])):
                i = i0
                while i < min(i0 + BLOCK, box[1]):
                    free = paint_cell(grid, i, j, k, m, bone, law, seen, samples, size, reach, first_slice)
                    i += max(1, int(free / side[0]))
