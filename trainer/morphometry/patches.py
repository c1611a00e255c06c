"""Where a patch lies on the MR's own grid, and which part of a bone is trabecular."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from trainer.morphometry.distance import Mask, Voxel

F64 = npt.NDArray[np.float64]
Box = tuple[slice, slice, slice]

PATCH_MM = 12.0
"""Side of a patch (paper, section 4.5): 12 voxels of the CT's analysis grid."""
LEAST_COVER = 0.3
"""A patch is measured if this part of its 1728 mm3 lies in the trabecular region: else sums are too noisy."""
DEPTH_MM = 3.0
"""The trabecular region begins this deep under a bone's surface: past cortex and partial volume."""


def voxel_of(affine: F64) -> Voxel:
    """Distance of voxel centres along k, j, i (mm) of an affine for (i, j, k)."""
    i, j, k = np.linalg.norm(affine[:3, :3], axis=0)
    return float(k), float(j), float(i)


def patch_box(
    centre: npt.ArrayLike, voxel: Voxel, shape: tuple[int, ...], side_mm: float = PATCH_MM
) -> Box | None:
    """Voxels within half `side_mm` of a centre (fractional k, j, i) along each axis; None off the grid."""
    slices = []
    for c, side, n in zip(np.asarray(centre, dtype=np.float64), voxel, shape, strict=True):
        low = max(0, int(np.ceil(c - 0.5 * side_mm / side)))
        high = min(n, int(np.floor(c + 0.5 * side_mm / side)) + 1)
        if low >= high:
            return None
        slices.append(slice(low, high))
    return slices[0], slices[1], slices[2]


def cover(region: Mask, box: Box, voxel: Voxel) -> float:
    """Part of a whole patch's volume that lies in the region."""
    return float(np.count_nonzero(region[box]) * np.prod(voxel) / PATCH_MM**3)


def blocks(region: Mask, voxel: Voxel, stride_mm: float) -> Iterator[tuple[F64, Box]]:
    """Patches every `stride_mm` through a region, with their centres (k, j, i): those covered well enough."""
    found = np.nonzero(region)
    if not found[0].size:
        return
    axes = [
        np.arange(a.min() + 0.5 * stride_mm / side, a.max() + 1, stride_mm / side)
        for a, side in zip(found, voxel, strict=True)
    ]
    for centre in np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3):
        box = patch_box(centre, voxel, region.shape)
        if box is not None and cover(region, box, voxel) >= LEAST_COVER:
            yield centre, box


def trabecular_region(bone: Mask, voxel: Voxel, depth_mm: float = DEPTH_MM) -> Mask:
    """The part of a bone's label [k, j, i] that lies deeper than `depth_mm` under its surface.

    The grid's border counts as no surface. Distances are measured at half the resolution of the slices.
    """
    out = np.zeros_like(bone)
    found = np.nonzero(bone)
    if not found[0].size:
        return out
    box = tuple(slice(max(0, a.min() - 2), a.max() + 3) for a in found)
    inside = bone[box]
    distance = distance_transform_edt(inside[:, ::2, ::2], sampling=(voxel[0], 2 * voxel[1], 2 * voxel[2]))
    deep = np.repeat(np.repeat(distance > depth_mm, 2, axis=1), 2, axis=2)
    out[box] = inside & deep[:, : inside.shape[1], : inside.shape[2]]
    return out
