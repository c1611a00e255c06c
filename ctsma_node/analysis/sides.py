"""Left or right by what lies where around a knee."""

from __future__ import annotations

import numpy as np

from ctsma_node.analysis.result import Side
from ctsma_node.volume import Array

_LEAST_FIBULA = 500.0
"""mm3."""
_LEAST_PATELLA = 10_000.0
"""mm3: in a leg that is turned by 75 degrees and more, up to 9 cm3 of other bone were taken for a patella."""
_LEAST_OFFSET = 8.0
"""mm by which a fibula lies beside the tibia, at least."""
_PATELLA_AWAY = 15.0
"""mm from the joint's middle at which a patella tells the front, at least."""
_ANTERIOR = np.array([0.0, -1.0])
"""In (x, y) of LPS: where the front of a leg is that is not turned."""
_BEHIND = (-30.0, 55.0)
"""Degrees from straight beside the tibia to straight behind it: a fibula lies at some 30."""


def side_of_fibula(fibula: Array, tibia: Array, patella: Array, centre: Array, voxel: float) -> Side | None:
    """Side by the fibula, which is lateral of the tibia; None if it cannot be told.

    Args:
        fibula, tibia, patella: voxels (n, 3) in LPS mm; without a whole patella the leg is taken for not
            turned.
        centre: middle of the joint, LPS mm.
        voxel: mm3 of each.
    """
    if len(fibula) * voxel <= _LEAST_FIBULA:
        return None
    low, high = fibula[:, 2].min(), fibula[:, 2].max()
    level = tibia[(tibia[:, 2] >= low) & (tibia[:, 2] <= high)]
    if len(level) == 0:
        return None
    front = _front_of(patella, centre) if len(patella) * voxel >= _LEAST_PATELLA else _ANTERIOR
    offset = (fibula.mean(axis=0) - level.mean(axis=0))[:2]
    to_left = float(offset @ [-front[1], front[0]])  # of whoever looks to the front
    behind = np.degrees(np.arctan2(-float(offset @ front), abs(to_left)))
    if abs(to_left) < _LEAST_OFFSET or not _BEHIND[0] <= behind <= _BEHIND[1]:
        return None
    return Side.LEFT if to_left > 0 else Side.RIGHT


def _front_of(patella: Array, centre: Array) -> Array:
    """Unit vector (x, y) to the front of a leg, by its patella: feet fall outwards, by 45 degrees even."""
    away = patella.mean(axis=0)[:2] - np.asarray(centre)[:2]
    distance = float(np.linalg.norm(away))
    return np.asarray(away / distance) if distance >= _PATELLA_AWAY else _ANTERIOR
