"""MR around a site, resampled once onto the axes of the CT's patch (paper, section 4.1: 48 x 48 x 16)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ctsma_node.analysis.patches import PATCH
from ctsma_node.volume import Array, apply
from trainer.mr import MRVolume

Signal = npt.NDArray[np.uint16]
Mask = npt.NDArray[np.bool_]

SHAPE = (16, 48, 48)
"""Samples along k, j, i of the canonical grid: 0.75 x 0.244 x 0.244 mm, as fine as the MR is."""
_MARGIN = 8
"""Voxels around a patch that the spline is fitted to; its influence falls by 4 with each voxel."""


def offsets(axis: int) -> Array:
    """Where the samples lie about the site along an axis (0 k, 1 j, 2 i), in voxels of the analysis grid."""
    n = SHAPE[axis]
    return np.asarray((np.arange(n) - (n - 1) / 2.0) * (PATCH / n), dtype=np.float64)


def cut_mr(mr: MRVolume, centres: Array, to_mr: Array) -> tuple[npt.NDArray[np.uint16], Mask]:
    """Signal (n, 16, 48, 48) around sites, cubic, and which sites (n,) the MR covers wholly.

    `centres` (n, 3) are canonical (k, j, i) of the analysis grid; `to_mr` 4 x 4 brings (i, j, k) of that grid
    to LPS mm of the MR. The signal is rounded: noise is tens of units. Sites that are not covered are 0.
    """
    to_index = np.asarray(np.linalg.inv(mr.affine) @ to_mr)
    k, j, i = np.meshgrid(*(offsets(axis) for axis in range(3)), indexing="ij")
    steps = np.stack([i, j, k], axis=-1) @ to_index[:3, :3].T
    out = np.zeros((len(centres), *SHAPE), dtype=np.uint16)
    covered = np.zeros(len(centres), dtype=bool)
    for n, middle in enumerate(apply(to_index, centres[:, ::-1])):
        points = (steps + middle)[..., ::-1]
        if points.min() < 0.0 or (points > np.array(mr.signal.shape) - 1).any():
            continue
        covered[n] = True
        out[n] = np.clip(np.rint(_spline(mr.signal, points)), 0, np.iinfo(np.uint16).max)
    return out, covered


def _spline(signal: npt.NDArray[np.float32], points: Array) -> npt.NDArray[np.float32]:
    """Cubic values at (k, j, i) points, the spline fitted to the block about them."""
    flat = points.reshape(-1, 3)
    low = np.maximum(np.floor(flat.min(axis=0)).astype(int) - _MARGIN, 0)
    high = np.ceil(flat.max(axis=0)).astype(int) + _MARGIN + 1
    block = signal[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    coefficients = ndimage.spline_filter(block, order=3, output=np.float32, mode="mirror")
    at = np.moveaxis(points - low, -1, 0)
    return np.asarray(
        ndimage.map_coordinates(coefficients, at, order=3, prefilter=False, mode="mirror", output=np.float32)
    )


def cut_mask(mask: Mask, centres: Array) -> Mask:
    """A canonical mask [k, j, i] on the samples of cut_mr, nearest voxel: (n, 16, 48, 48)."""
    out = np.zeros((len(centres), *SHAPE), dtype=bool)
    for n, centre in enumerate(centres):
        at = [
            np.clip(np.floor(centre[a] + offsets(a) + 0.5).astype(int), 0, mask.shape[a] - 1)
            for a in range(3)
        ]
        out[n] = mask[np.ix_(*at)]
    return out


def on_mr(mask: Mask, mr: MRVolume, to_mr: Array) -> Mask:
    """A canonical mask [k, j, i] on the MR's own grid [k, j, i], nearest voxel."""
    to_grid = np.asarray(np.linalg.inv(to_mr) @ mr.affine)
    turned = to_grid[:3, :3][::-1, ::-1]
    moved = ndimage.affine_transform(
        mask.astype(np.uint8), turned, to_grid[:3, 3][::-1], mr.signal.shape, order=0, mode="constant"
    )
    return np.asarray(moved > 0)
