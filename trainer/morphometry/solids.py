"""Periodic solids whose trabecular parameters are known on paper, on any grid and at any angle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.morphometry.distance import Mask, Voxel

F64 = npt.NDArray[np.float64]

PITCH = 3.0
"""Distance of neighbours in units of their thickness."""


@dataclass(frozen=True)
class Solid:
    """A shape of unit thickness on a lattice of PITCH.

    `inside` takes points (..., 3) relative to the nearest shape's centre. `share` is BV/TV, `specific` BS/BV,
    and `thickness` and `separation` are mean local thicknesses, None where no formula is known.
    """

    name: str
    inside: Callable[[F64], Mask]
    share: float
    specific: float
    thickness: float | None
    separation: float | None


def _plate(p: F64) -> Mask:
    return np.asarray(np.abs(p[..., 0]) < 0.5)


def _rod(p: F64) -> Mask:
    return np.asarray(p[..., 0] ** 2 + p[..., 1] ** 2 < 0.25)


def _sphere(p: F64) -> Mask:
    return np.asarray((p**2).sum(axis=-1) < 0.25)


def _box(p: F64) -> Mask:
    return np.asarray((np.abs(p) < np.array([0.5, 1.0, 1.0])).all(axis=-1))


SOLIDS: tuple[Solid, ...] = (
    Solid("plates", _plate, 1.0 / PITCH, 2.0, 1.0, PITCH - 1.0),
    Solid("rods", _rod, np.pi / 4.0 / PITCH**2, 4.0, 1.0, None),
    Solid("spheres", _sphere, np.pi / 6.0 / PITCH**3, 6.0, 1.0, None),
    Solid("boxes 1:2:2", _box, 4.0 / PITCH**3, 4.0, None, None),
)
"""Thickness is that of the largest sphere inside, so the edges of boxes have none that a formula gives."""


def voxelised(
    solid: Solid,
    thickness: float,
    voxel: Voxel,
    shape: tuple[int, int, int],
    rotation: F64,
    offset: F64,
    shift: float = 0.0,
) -> Mask:
    """The solid sampled at voxel centres [k, j, i], or `shift` of a voxel off them along every axis.

    `thickness` in the unit of `voxel`; `rotation` (3 x 3) and `offset` (3,), in pitches, place the lattice.
    """
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    place = ((index + shift) * np.array(voxel)) @ rotation.T / (PITCH * thickness) + offset
    return solid.inside(PITCH * (place - np.rint(place)))
