"""A plane of other density through a bone, as a fracture or an open growth plate leaves it.

The mean density of a bone's trabecular part is followed along many directions. Sound bone changes slowly
along every one of them; across a plane at right angles to the direction it dips or rises within two
or three millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass

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
_EVERY = 12
"""One in so many directions is followed through half of the bone, to say how uneven it is."""
_PROMISING = 60
"""Directions that are followed through half of the bone: the sample is most uneven along them."""
_SAMPLE = 12
"""One in so many voxels of the bone is in the sample that is followed along every direction."""
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
    every = np.flatnonzero(region)
    if len(every) < 20 * _FEWEST:
        return 0.0, 0.0
    # In no order: a lattice of voxels would leave every second millimetre of some profiles empty.
    at = np.random.default_rng(0).permutation(every)[: len(every) // 2]
    points = (np.stack(np.unravel_index(at, region.shape), axis=1) * SPACING[::-1]).astype(np.float32)
    bone = _Sample(points - points.mean(axis=0), np.clip(hu.ravel()[at], -300.0, 1200.0), 0.5)
    along = directions().astype(np.float32)
    rough = [dips.max(initial=0.0) for dips in _dips(bone.first(1.0 / _SAMPLE), along)]
    promising = np.argsort(rough, kind="stable")[-_PROMISING:]
    even = np.concatenate(_dips(bone, along[::_EVERY]))
    largest = float(np.concatenate([even, *_dips(bone, along[promising])]).max(initial=0.0))
    return largest, largest / max(float(np.sqrt(np.mean(even**2))), 1.0) if even.size else 0.0


@dataclass(frozen=True)
class _Sample:
    """Some of a bone's voxels: `points` (n, 3) mm and `values` (n,) HU; `share` of all."""

    points: Volume
    values: Volume
    share: float

    def first(self, share: float) -> _Sample:
        """The first of these voxels, `share` of all."""
        n = int(len(self.points) * share / self.share)
        return _Sample(self.points[:n], self.values[:n], share)


def _dips(bone: _Sample, along: Volume) -> list[Array]:
    """HU by which millimetres with enough bone are off those beside them, for each direction (n, 3)."""
    profiles = [_profiles(bone, along[n : n + _AT_ONCE]) for n in range(0, len(along), _AT_ONCE)]
    off = [np.abs(_dip(profile)) for part in profiles for profile in part]
    return [each[np.isfinite(each)] for each in off]


def _profiles(bone: _Sample, along: Volume) -> Array:
    """Mean HU of each millimetre along directions (n, 3), as (n, length); NaN where bone is too little."""
    at = np.floor(bone.points @ along.T).astype(np.int32)
    low = int(at.min())
    length = int(at.max()) - low + 1
    index = (at - low + np.arange(len(along), dtype=np.int32) * length).ravel()
    size = len(along) * length
    count = np.bincount(index, minlength=size).reshape(-1, length)
    total = np.bincount(index, np.repeat(bone.values, len(along)), size).reshape(-1, length)
    return np.where(count >= _FEWEST * bone.share, total / np.maximum(count, 1), np.nan)


def _dip(profile: Array) -> Array:
    """Mean over 2 mm less the mean of 2 mm on both sides, _BESIDE mm off: (length,) -> (shorter,)."""
    two = 0.5 * (profile[1:] + profile[:-1])
    middle = two[_BESIDE:-_BESIDE]
    return np.asarray(middle - 0.5 * (two[: -2 * _BESIDE] + two[2 * _BESIDE :]))


def plane_marks(hu: Volume, inward: dict[Bone, Distance]) -> tuple[Mark, ...]:
    """Marks each bone with a plane that is denser or less dense than the bone on both sides."""
    found = {bone: plane_contrast(hu, distance, bone) for bone, distance in inward.items()}
    through = [b.value for b, (hu_off, times) in found.items() if hu_off > _LIMIT and times > _ABOVE_REST]
    if not through:
        return ()
    which = " and the ".join(through)
    text = f"a plane of other density, as of a fracture or a growth plate, goes through the {which}"
    return (Mark("plane_through_bone", text),)
