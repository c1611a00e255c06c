"""A plane of other density through a bone, as a fracture or an open growth plate leaves it.

The mean density of a bone's trabecular part is followed along many directions. Sound bone changes slowly
along every one of them; across a plane at right angles to the direction it dips or rises within two
or three millimetres.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.grid import SPACING
from ctsma_node.analysis.result import Bone, Mark
from ctsma_node.analysis.subregions import Distance, depth_window
from ctsma_node.volume import Array

DEEP = 4.0
"""mm under the bone's surface; the shell is denser and would count as a plane where it lies flat."""
_DIRECTIONS = 1200
"""Over half a sphere: about 4 degrees apart, so that a plane is met within 2."""
_FEWEST = 250
"""mm3 of bone in each millimetre of a profile."""
_BESIDE = 5
"""mm on either side that a profile is compared with."""
_LIMIT = 200.0
"""HU; sound knees stay below 120, sclerotic ones (KL 4) reach it."""
_ABOVE_REST = 13.0
"""Times the root mean square of all planes of the bone: uneven bone exceeds _LIMIT, but in many planes."""
_AT_ONCE = 60

Volume = npt.NDArray[np.float32]


def directions(count: int = _DIRECTIONS) -> Array:
    """Unit vectors (count, 3) evenly over half a sphere, on a Fibonacci spiral."""
    n = np.arange(count) + 0.5
    height, turn = n / count, np.pi * (1.0 + np.sqrt(5.0)) * n
    flat = np.sqrt(1.0 - height**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)


def plane_contrast(hu: Volume, distance: Distance, which: Bone) -> tuple[float, float]:
    """Largest dip or ridge along a plane of a bone: in HU, and times the root mean square of all planes.

    Arrays are [k, j, i]; `distance` as `inward_distance`.
    """
    region = depth_window(distance > 0, which) & (distance > DEEP)
    region[1::2, ::2], region[::2, 1::2] = False, False
    points = np.argwhere(region) * SPACING[::-1]
    if len(points) < 10 * _FEWEST:
        return 0.0, 0.0
    points -= points.mean(axis=0)
    values = np.clip(hu[region], -300.0, 1200.0).astype(np.float64)
    along = directions()
    parts = [along[n : n + _AT_ONCE] for n in range(0, len(along), _AT_ONCE)]
    dips = np.concatenate([_dips(points, values, part) for part in parts])
    largest = float(dips.max(initial=0.0))
    return largest, largest / max(float(np.sqrt(np.mean(dips**2))), 1.0) if dips.size else 0.0


def _dips(points: Array, values: Array, along: Array) -> Array:
    """HU by which each millimetre along a few directions is off what is beside it; one list of all."""
    at = np.floor(points @ along.T).astype(np.int64)
    low = int(at.min())
    length = int(at.max()) - low + 1
    index = (at - low + np.arange(len(along)) * length).ravel()
    size = len(along) * length
    count = np.bincount(index, minlength=size).reshape(-1, length).astype(np.float64)
    total = np.bincount(index, np.repeat(values, len(along)), size).reshape(-1, length)
    with np.errstate(invalid="ignore", divide="ignore"):
        profile = np.where(2 * count >= _FEWEST, total / count, np.nan)
    off = np.abs(_dip(profile))
    return np.asarray(off[np.isfinite(off)])


def _dip(profile: Array) -> Array:
    """Mean over 2 mm less the mean of 2 mm on both sides, _BESIDE mm off: (n, length) -> (n, shorter)."""
    two = 0.5 * (profile[:, 1:] + profile[:, :-1])
    middle = two[:, _BESIDE:-_BESIDE]
    return np.asarray(middle - 0.5 * (two[:, : -2 * _BESIDE] + two[:, 2 * _BESIDE :]))


def plane_marks(hu: Volume, inward: dict[Bone, Distance]) -> tuple[Mark, ...]:
    """Marks each bone with a plane that is denser or less dense than the bone on both sides."""
    found = {bone: plane_contrast(hu, distance, bone) for bone, distance in inward.items()}
    through = [b.value for b, (hu_off, times) in found.items() if hu_off > _LIMIT and times > _ABOVE_REST]
    if not through:
        return ()
    which = " and the ".join(through)
    text = f"a plane of other density, as of a fracture or a growth plate, goes through the {which}"
    return (Mark("plane_through_bone", text),)
