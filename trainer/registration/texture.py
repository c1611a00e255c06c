"""The trabecular texture inside a bone, seen by both scanners: the last refinement, and proof of identity.

Where bone is dense the CT is bright and the balanced MR is dark. Both images are band-passed (a difference of
Gaussians, which also takes out the coils' sensitivity), and the correlation of their values inside the bone
is turned round: 1 is the same bone in the same place, 0 another bone, or this one some millimetres off.
Mutual information rests on edges, which cartilage, cortex and slice thickness shift in one image and not in
the other; the texture inside has no such bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ctsma_node.analysis.grid import SPACING
from ctsma_node.volume import Array, apply
from trainer.mr import MRVolume
from trainer.phantom.compiled import serial
from trainer.registration.interpolation import trilinear
from trainer.registration.match import Found, climb

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

BAND = (0.5, 1.5)
"""mm, the Gaussians' standard deviations: blotches of 1 to 5 mm, about the finest that both images show."""
DEPTH = 3.0
"""mm below the surface at which the cortex is no longer in the band."""
_LEAST_POINTS = 500
_STEP = SPACING[::-1]
"""mm along k, j, i."""


@dataclass(frozen=True, eq=False)
class TexturePoints:
    """Points (n, 3) LPS mm relative to `centre`, each with the band-passed HU there."""

    points: F32
    values: F32
    centre: Array

    def halves(self) -> tuple[TexturePoints, TexturePoints]:
        """Two samples of equal size without a point in common."""
        first = np.random.default_rng(1).random(len(self.points)) < 0.5
        parts = (np.flatnonzero(first), np.flatnonzero(~first))
        one, two = (TexturePoints(self.points[at], self.values[at], self.centre) for at in parts)
        return one, two


@dataclass(frozen=True, eq=False)
class TextureMatch:
    """Texture of the CT against the band-passed MR `moving[k, j, i]`; `to_index` is of LPS mm."""

    texture: TexturePoints
    moving: F32
    to_index: Array

    def score(self, transform: Array) -> float:
        """Minus the correlation at a 4 x 4 from the CT to the MR, weighed by overlap; -1 to 1."""
        mapping = self.to_index @ transform
        mapping[:3, 3] += mapping[:3, :3] @ self.texture.centre
        values = (self.texture.points, self.texture.values)
        return -float(correlation(*values, np.ascontiguousarray(mapping[:3]), self.moving))

    def climb(self, transform: Array, size: float, evaluations: int) -> Found:
        """The best pose near `transform`; the first steps are `size` mm."""
        return climb(self.score, transform, self.texture.centre, size, evaluations)


def texture_points(mask: Mask, hu: F32, affine: Array, count: int) -> TexturePoints:
    """`count` points of a bone's inside. Raises ValueError where the mask has hardly an inside."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    inside, values = mask[box], hu[box]
    deep = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=_STEP)[1:-1, 1:-1, 1:-1] >= DEPTH
    # Around the bone its own mean, so that the muscle beside it is not in the band.
    band = band_pass(np.where(inside, values, values[inside].mean()), _STEP)
    at = np.flatnonzero(deep)
    if len(at) < _LEAST_POINTS:
        raise ValueError(
            f"{len(at)} voxels of a bone lie {DEPTH:g} mm below its surface: too few for texture"
        )
    if len(at) > count:
        at = np.sort(np.random.default_rng(0).choice(at, count, replace=False, shuffle=False))
    first = np.array([part.start for part in box])
    kji = np.stack(np.unravel_index(at, deep.shape), axis=1) + first
    lps = apply(affine, kji[:, ::-1])
    centre = lps.mean(axis=0)
    return TexturePoints((lps - centre).astype(np.float32), band.ravel()[at], centre)


def texture_of(mr: MRVolume) -> tuple[F32, Array]:
    """The band-passed MR, and LPS mm to its indices."""
    return band_pass(mr.signal, mr.spacing[::-1]), np.asarray(np.linalg.inv(mr.affine))


def band_pass(values: F32, step: Array | Sequence[float]) -> F32:
    """Difference of the two Gaussians of BAND; `step` is mm along the array's axes."""
    low, high = (
        ndimage.gaussian_filter(values.astype(np.float32, copy=False), sigma / np.asarray(step), truncate=3.0)
        for sigma in BAND
    )
    return np.asarray(low - high)


@serial
def correlation(points: F32, values: F32, mapping: F64, moving: F32) -> float:
    """Pearson's correlation of `values` (n,) and `moving` under the points, times the share that is inside.

    `mapping` (3, 4) takes points (n, 3) to indices (i, j, k) of `moving[k, j, i]`; trilinear.
    """
    depth, height, width = moving.shape
    n, sx, sy, sxx, syy, sxy = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    for p in range(points.shape[0]):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        i = mapping[0, 0] * x + mapping[0, 1] * y + mapping[0, 2] * z + mapping[0, 3]
        j = mapping[1, 0] * x + mapping[1, 1] * y + mapping[1, 2] * z + mapping[1, 3]
        k = mapping[2, 0] * x + mapping[2, 1] * y + mapping[2, 2] * z + mapping[2, 3]
        if i < 0.0 or j < 0.0 or k < 0.0 or i >= width - 1 or j >= height - 1 or k >= depth - 1:
            continue
        seen = trilinear(moving, i, j, k)
        own = float(values[p])
        n += 1
        sx += own
        sy += seen
        sxx += own * own
        syy += seen * seen
        sxy += own * seen
    spread = (n * sxx - sx * sx) * (n * syy - sy * sy)
    if n < 2 or spread <= 0.0:
        return 0.0
    return float((n * sxy - sx * sy) / np.sqrt(spread) * n / points.shape[0])
