"""What a bone is at one point, read from its maps, and what a scanner sees in its tissues."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainer.phantom.compiled import inlined
from trainer.phantom.structure import interpolate

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


class Sampled(NamedTuple):
    """The maps of a BoneStructure."""

    maps: F32
    origin: F64
    step: float


class Contrast(NamedTuple):
    """What a scanner sees in the tissues of a bone: HU, or signal of MR."""

    bone: float
    marrow: float
    cartilage: float
    cyst: float
    dephasing: float
    """Exponent of the share of marrow in a cell: 1 mixes linearly, as CT does; above 1 the field that bone
    disturbs takes signal from the marrow around it, so that trabeculae look thicker than they are."""


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
    marrow: float  # what the scanner sees: HU or signal


@inlined
def spot_at(bone: Sampled, x: float, y: float, z: float, distance: float, seen: Contrast) -> Spot:
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
        (1.0 - fluid) * seen.marrow + fluid * seen.cyst,
    )


@inlined
def deep_spot_at(bone: Sampled, x: float, y: float, z: float, distance: float, seen: Contrast) -> Spot:
    """As spot_at where no surface is near: only what the trabeculae need, the rest 0."""
    maps, step = bone.maps, bone.step
    u, v, w = (
        (x - bone.origin[0]) / step,
        (y - bone.origin[1]) / step,
        (z - bone.origin[2]) / step,
    )
    fluid = interpolate(maps, 6, u, v, w)
    bvtv = interpolate(maps, 3, u, v, w)
    log_wavelength = interpolate(maps, 4, u, v, w)
    rodness = interpolate(maps, 5, u, v, w)
    marrow = (1.0 - fluid) * seen.marrow + fluid * seen.cyst
    return Spot(x, y, z, distance, 0.0, 0.0, 0.0, 0.0, 0.0, bvtv, log_wavelength, rodness, marrow)


@inlined
def trabecular_mix(seen: Contrast, marrow: float, share: float) -> float:
    """What a scanner sees of a cell of which `share` is trabecular bone."""
    free = max(0.0, 1.0 - share)
    if seen.dephasing != 1.0:
        free = free**seen.dephasing
    return seen.bone + (marrow - seen.bone) * free
