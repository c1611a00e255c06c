"""Errors of the methods on solids whose parameters are known: by shape, voxel, angle and thickness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from trainer.morphometry.direct import direct
from trainer.morphometry.distance import Mask, Voxel
from trainer.morphometry.parameters import TrabecularParameters
from trainer.morphometry.plate import plate, plate_lengths
from trainer.morphometry.skeleton import skeleton, srrd
from trainer.morphometry.solids import PITCH, SOLIDS, Solid, voxelised

IN_PLANE = 0.1
"""Pixel of every grid, mm."""
VOXELS: dict[str, Voxel] = {
    "1:1:1": (IN_PLANE, IN_PLANE, IN_PLANE),
    "2:1:1": (2 * IN_PLANE, IN_PLANE, IN_PLANE),
    "3:1:1.5": (3 * IN_PLANE, IN_PLANE, 1.5 * IN_PLANE),
}
"""Sides of a voxel along k, j, i."""
PIXELS = (2, 3, 4, 6, 8)
"""Thickness, in pixels."""
ANGLES = 3
"""Random rotations and offsets of each case; the first is not turned."""
PERIODS = 3.0
"""Periods along each side of the grid; half of one at each face is left out of the means."""

SHIFTS = (-0.375, -0.125, 0.125, 0.375)
"""Of a voxel: the true share of bone is counted on four grids between the centres."""

Measure = Callable[[Mask, Voxel, Mask], TrabecularParameters]

METHODS: dict[str, Measure] = {
    "direct": direct,
    "direct, voxel centres only": lambda bone, voxel, region: direct(bone, voxel, region, halves=False),
    "plate": plate,
    "skeleton": skeleton,
    "srrd as released": lambda bone, voxel, _: srrd(1000.0 * bone.astype(np.float32), voxel),
}


@dataclass(frozen=True)
class Case:
    """Mean error of one method on one solid over the angles, percent; None where no truth is known."""

    method: str
    solid: str
    voxel: str
    pixels: int
    bvtv: float
    thickness: float | None
    separation: float | None
    number: float | None


def cases(
    methods: dict[str, Measure] = METHODS, pixels: tuple[int, ...] = PIXELS, angles: int = ANGLES
) -> Iterator[Case]:
    """Every method on every solid, voxel and thickness."""
    for solid in SOLIDS:
        for voxel in VOXELS:
            for thickness in pixels:
                yield from _measured(solid, voxel, thickness, methods, angles)


def _measured(
    solid: Solid, voxel: str, pixels: int, methods: dict[str, Measure], angles: int
) -> Iterator[Case]:
    errors: dict[str, list[list[float]]] = {name: [] for name in methods}
    for angle in range(angles):
        bone, share, region = _turned(solid, VOXELS[voxel], pixels * IN_PLANE, angle)
        for name, method in methods.items():
            found = method(bone, VOXELS[voxel], region)
            truth = _truth(solid, name, pixels * IN_PLANE, share)
            errors[name].append([100.0 * (a / b - 1.0) for a, b in zip(found.as_row(), truth, strict=True)])
    for name, rows in errors.items():
        mean = [float(value) if np.isfinite(value) else None for value in _mean(rows)]
        yield Case(name, solid.name, voxel, pixels, mean[0] or 0.0, mean[1], mean[2], mean[3])


def _mean(rows: list[list[float]]) -> list[float]:
    """Over the angles that gave a number: slices along a plate see no skeleton."""
    known = np.isfinite(rows)
    total = np.where(known, rows, 0.0).sum(axis=0)
    return [float(t / n) if n else float("nan") for t, n in zip(total, known.sum(axis=0), strict=True)]


def _turned(solid: Solid, voxel: Voxel, thickness: float, angle: int) -> tuple[Mask, float, Mask]:
    """The voxelised solid, its true share within the measured region, and that region."""
    rng = np.random.default_rng((angle, 81))
    turn = Rotation.random(random_state=rng).as_matrix() if angle else np.eye(3)
    k, j, i = (int(np.ceil(PITCH * PERIODS * thickness / side)) for side in voxel)
    offset = rng.random(3)
    inner = tuple(slice(n // 6, n - n // 6) for n in (k, j, i))
    bone, *finer = (
        voxelised(solid, thickness, voxel, (k, j, i), turn, offset, shift) for shift in (0.0, *SHIFTS)
    )
    region = np.zeros(bone.shape, dtype=np.bool_)
    region[inner] = True
    return bone, float(np.mean([part[inner].mean() for part in finer])), region


def _truth(solid: Solid, method: str, thickness: float, share: float) -> tuple[float, float, float, float]:
    """BV/TV, Tb.Th, Tb.Sp, Tb.N by the method's own definition; NaN where none is known."""
    if method == "plate":
        return share, *plate_lengths(share, share * solid.specific / thickness)
    th = np.nan if solid.thickness is None else solid.thickness * thickness
    sp = np.nan if solid.separation is None else solid.separation * thickness
    return share, th, sp, 1.0 / (th + sp)
