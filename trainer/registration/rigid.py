"""Rigid motions as six numbers of equal weight, and what is asked of two of them."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from ctsma_node.volume import Array, apply

ARM = 40.0
"""mm at which a rotation moves a point as far as a translation of the same size: about a knee's radius."""


def rigid(motion: Array, fixed_centre: Array, moving_centre: Array) -> Array:
    """4 x 4 of LPS mm in the fixed image to LPS mm in the moving one.

    `motion` (6,) is a rotation vector times ARM (mm) and a translation (mm): the fixed image's point
    `fixed_centre` goes to `moving_centre` + translation, and the rotation is about it.
    """
    out = np.eye(4)
    out[:3, :3] = Rotation.from_rotvec(motion[:3] / ARM).as_matrix()
    out[:3, 3] = moving_centre + motion[3:] - out[:3, :3] @ fixed_centre
    return out


def motion_of(transform: Array, fixed_centre: Array, moving_centre: Array) -> Array:
    """The six numbers (6,) of which `rigid` makes this 4 x 4."""
    turn = Rotation.from_matrix(transform[:3, :3]).as_rotvec() * ARM
    return np.concatenate([turn, apply(transform, fixed_centre) - moving_centre])


def turned_about(transform: Array, degrees: Array, fixed_centre: Array) -> Array:
    """`transform` with the fixed image first turned by a rotation vector (degrees) about a point of it."""
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_rotvec(np.deg2rad(degrees)).as_matrix()
    turn[:3, 3] = fixed_centre - turn[:3, :3] @ fixed_centre
    return np.asarray(transform @ turn)


def distances(first: Array, second: Array, points: Array) -> Array:
    """mm between where two transforms take each of the points (n, 3)."""
    return np.asarray(np.linalg.norm(apply(first, points) - apply(second, points), axis=1))


def mean_rigid(first: Array, second: Array, points: Array) -> Array:
    """The rigid motion half way between two: rotations by their mean, the points' centre by its mean."""
    centre = points.mean(axis=0)
    out = np.eye(4)
    both = Rotation.from_matrix(np.stack([first[:3, :3], second[:3, :3]]))
    out[:3, :3] = both.mean().as_matrix()
    out[:3, 3] = (apply(first, centre) + apply(second, centre)) / 2.0 - out[:3, :3] @ centre
    return out
