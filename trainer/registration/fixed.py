"""The points of the CT that a bone is recognised by: the bone and a few millimetres around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ctsma_node.analysis.grid import SPACING
from ctsma_node.volume import Array, apply
from trainer.registration.information import FIXED_BINS

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

GROWN = 4.0
"""mm around the mask: the cortex and what lies beside it are the strongest edges of both images."""
_WINDOW = (-150.0, 1050.0)
"""HU that the first and the last bin begin at: fat to cortex."""
_STEP = SPACING[::-1]
"""mm along k, j, i."""


@dataclass(frozen=True, eq=False)
class FixedPoints:
    """Points (n, 3) LPS mm relative to `centre` (3,), each with its bin of HU, neighbours close together."""

    points: F32
    bins: U8
    centre: Array

    def sample(self, count: int, seed: int = 0) -> FixedPoints:
        """`count` of the points without a pattern, in the order of the whole; all where there are no more."""
        if count >= len(self.points):
            return self
        drawn = np.random.default_rng(seed).choice(len(self.points), count, replace=False, shuffle=False)
        return self._of(np.sort(drawn))

    def halves(self) -> tuple[FixedPoints, FixedPoints]:
        """Two samples of equal size without a point in common."""
        first = np.random.default_rng(1).random(len(self.points)) < 0.5
        return self._of(np.flatnonzero(first)), self._of(np.flatnonzero(~first))

    def lps(self, every: int = 1) -> Array:
        """Points in LPS mm, (n, 3)."""
        return np.asarray(self.points[::every].astype(np.float64) + self.centre)

    def _of(self, chosen: npt.NDArray[np.intp]) -> FixedPoints:
        return FixedPoints(self.points[chosen], self.bins[chosen], self.centre)


def grown(mask: Mask, others: Mask, distance: float = GROWN) -> Mask:
    """A bone's mask [k, j, i] with `distance` mm around it, without the voxels of the other bones."""
    out = np.zeros_like(mask)
    box = _around(mask, distance)
    out[box] = ndimage.distance_transform_edt(~mask[box], sampling=_STEP) <= distance
    return np.asarray(out & ~others)


def _around(mask: Mask, margin: float) -> tuple[slice, ...]:
    found = ndimage.find_objects(mask.astype(np.uint8))[0]
    pad = np.ceil(margin / _STEP).astype(int)
    return tuple(
        slice(max(s.start - p, 0), min(s.stop + p, n)) for s, p, n in zip(found, pad, mask.shape, strict=True)
    )


def points_of(mask: Mask, hu: F32, affine: Array) -> FixedPoints:
    """The voxels of `mask` [k, j, i] as points."""
    k, j, i = np.nonzero(mask)
    lps = apply(affine, np.stack([i, j, k], axis=1))
    centre = lps.mean(axis=0)
    low, high = _WINDOW
    bins = np.clip((hu[mask] - low) * (FIXED_BINS / (high - low)), 0, FIXED_BINS - 1)
    return FixedPoints((lps - centre).astype(np.float32), bins.astype(np.uint8), centre)
