"""The analysis grid of the paper, and resampling of any acquisition onto it.

The grid is sagittal, 150 x 150 x 90 voxels of 0.977 x 0.977 x 1.000 mm (paper, Table 2), aligned with the
patient's axes. Its voxel centres lie on one lattice anchored at the origin of the frame of reference, so
the same bone falls on the same voxels whatever stack it was read from.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from threadpoolctl import threadpool_limits

from ctsma_node.analysis.result import Side
from ctsma_node.volume import Array, CTVolume, apply

SPACING = np.array([0.977, 0.977, 1.0])
"""mm along i (posterior), j (inferior), k (patient's right)."""
SIZE = (150, 150, 90)
"""Voxels along i, j, k."""
AXES = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""Columns: the LPS directions of i, j and k."""
AIR = -1024.0
SNAP = 4
"""The grid moves in steps of this many voxels, so that a small error of the centre moves nothing."""
_THREADS = 2
"""That share a product over the volume."""
_INTERMEDIATE = 0.7
"""Step of the intermediate lattice in units of the target's, fine enough for a cubic spline."""

Volume = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def knee_affine(centre: npt.ArrayLike) -> Array:
    """Affine of the analysis grid around a joint centre (LPS mm), snapped to the lattice."""
    half = (np.array(SIZE) - 1) / 2.0
    steps = AXES.T @ np.asarray(centre, dtype=np.float64) / SPACING - half
    first = np.round(steps / SNAP) * SNAP
    affine = np.eye(4)
    affine[:3, :3] = AXES * SPACING
    affine[:3, 3] = AXES @ (first * SPACING)
    return affine


def canonical(array: npt.NDArray[Any], side: Side) -> npt.NDArray[Any]:
    """Left knees mirrored onto right ones: k then always runs from medial to lateral.

    Its own inverse, so it also brings labels back to patient space.
    """
    return np.ascontiguousarray(array[::-1]) if side is Side.LEFT else array


def canonical_affine(affine: Array, side: Side) -> Array:
    """(i, j, k) of the canonical array to LPS mm, from the affine of the array in patient space."""
    if side is Side.RIGHT:
        return affine
    flip = np.eye(4)
    flip[2, 2], flip[2, 3] = -1.0, SIZE[2] - 1
    return np.asarray(affine @ flip)


def axis_aligned_affine(volume: CTVolume, step: float) -> tuple[Array, tuple[int, int, int]]:
    """A grid of `step` mm along L, P and S that holds the whole volume: its affine and size (i, j, k)."""
    i, j, k = volume.size
    corners = np.array([(x, y, z) for x in (0, i - 1) for y in (0, j - 1) for z in (0, k - 1)])
    lps = volume.to_lps(corners)
    low = np.floor(lps.min(axis=0) / step)
    count = np.ceil(lps.max(axis=0) / step) - low + 1
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = low * step
    return affine, (int(count[0]), int(count[1]), int(count[2]))


def resample(volume: CTVolume, affine: Array, size: tuple[int, int, int]) -> tuple[Volume, Mask]:
    """Values of a volume on another grid, and which of the grid's voxels it covers; both [k, j, i].

    Smoothing is by a Gaussian of half a voxel of the coarser of the two grids, isotropic where the source
    allows it: such a kernel has no preferred direction, so an oblique stack and a straight one of the same
    bone give the same values. Voxels outside the source are air.
    """
    mapping = np.linalg.inv(volume.affine) @ affine
    axes = _aligned_axes(mapping, size, volume.spacing)
    covered = _covered(mapping, size, volume.size)
    if axes is not None:
        values = _resample_aligned(volume, mapping, axes, size, _target_step(affine))
    else:
        values = _resample_oblique(volume, affine, size)
    values[~covered] = AIR
    return values, covered


def _target_step(affine: Array) -> float:
    return float(np.linalg.norm(affine[:3, :3], axis=0).max())


def _aligned_axes(mapping: Array, size: tuple[int, int, int], spacing: Array) -> list[int] | None:
    """Which source axis each target axis runs along; None if a grid line drifts more than 0.1 mm off it."""
    linear = mapping[:3, :3] * spacing[:, None]
    axes = [int(a) for a in np.abs(linear).argmax(axis=0)]
    drift = np.abs(linear)
    drift[axes, [0, 1, 2]] = 0.0
    if sorted(axes) != [0, 1, 2] or float((drift * np.array(size)).sum(axis=1).max()) > 0.1:
        return None
    return axes


def _covered(mapping: Array, size: tuple[int, int, int], source: tuple[int, int, int]) -> Mask:
    """Target voxels whose centre lies within the source's outer voxel faces."""
    covered = np.ones((size[2], size[1], size[0]), dtype=bool)
    i, j, k = (np.arange(n, dtype=np.float32) for n in size)
    for axis in range(3):
        m = mapping[axis].astype(np.float32)
        at = m[0] * i[None, None, :] + m[1] * j[None, :, None] + m[2] * k[:, None, None] + m[3]
        covered &= (at >= -0.5 - 1e-3) & (at <= source[axis] - 0.5 + 1e-3)
    return covered


def _weights(targets: Array, count: int, sigma: float) -> tuple[slice, Volume]:
    """Gaussian weights (target, source) along one axis, and the source range that they touch.

    `targets` are source indices of the target's centres; `sigma` is in source voxels.
    """
    reach = 4.0 * sigma
    low = int(np.clip(np.floor(targets.min() - reach), 0, count - 1))
    high = int(np.clip(np.ceil(targets.max() + reach), low + 1, count))
    distance = np.clip(targets, 0, count - 1)[:, None] - np.arange(low, high)[None, :]
    w = np.exp(-0.5 * (distance / sigma) ** 2)
    w[np.abs(distance) > max(reach, 1.0)] = 0.0
    return slice(low, high), (w / w.sum(axis=1, keepdims=True)).astype(np.float32)


def _sigma(step: float, spacing: float) -> float:
    """Smoothing in source voxels: half a voxel of the coarser grid."""
    return 0.5 * max(step, spacing) / spacing


def _resample_aligned(
    volume: CTVolume, mapping: Array, axes: list[int], size: tuple[int, int, int], step: float
) -> Volume:
    """Each target axis runs along one source axis: three matrix products."""
    ranges: list[slice] = [slice(None)] * 3
    matrices: dict[int, Volume] = {}
    for target, source in enumerate(axes):
        at = mapping[source, target] * np.arange(size[target]) + mapping[source, 3]
        ranges[source], matrices[source] = _weights(
            at, volume.size[source], _sigma(step, float(volume.spacing[source]))
        )
    data = volume.hu[ranges[2], ranges[1], ranges[0]].astype(np.float32, copy=False)
    shrink = {a: matrices[a].shape[0] / matrices[a].shape[1] for a in range(3)}
    # One thread, since the last bits of a product depend on how many share it, and results must not.
    with threadpool_limits(1, user_api="blas"):
        for source in sorted(range(3), key=lambda a: shrink[a]):
            data = _along(matrices[source], data, 2 - source)
    order = [2 - axes[2 - d] for d in range(3)]
    return np.ascontiguousarray(np.transpose(data, order))


def _along(matrix: Volume, data: Volume, axis: int) -> Volume:
    """`matrix` (target, source) applied along an axis of [k, j, i], slab by slab.

    A product over the whole volume would first copy it so that the axis is the last, and take five times as
    long for a finely sampled scan. The slabs are shared among threads, each its own product: how many there
    are changes no bit.
    """
    slabs = data if axis else data.swapaxes(0, 1)
    rows, columns = (slabs.shape[1], len(matrix)) if axis == 2 else (len(matrix), slabs.shape[2])
    out = np.empty((len(slabs), rows, columns), dtype=np.float32)

    def multiply(part: slice) -> None:
        left, right = (slabs[part], matrix.T) if axis == 2 else (matrix, slabs[part])
        np.matmul(left, right, out=out[part])

    bounds = np.linspace(0, len(slabs), _THREADS + 1).astype(int)
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(multiply, (slice(a, b) for a, b in pairwise(bounds))))
    return out if axis else out.swapaxes(0, 1)


def _resample_oblique(volume: CTVolume, affine: Array, size: tuple[int, int, int]) -> Volume:
    """Smooth along the source's own axes on a lattice around the target, then interpolate."""
    step = _target_step(affine)
    i, j, k = size
    corners = np.array([(x, y, z) for x in (0, i - 1) for y in (0, j - 1) for z in (0, k - 1)])
    box = volume.to_index(apply(affine, corners))
    lattice = _INTERMEDIATE * step / volume.spacing
    margin = 4.0 * lattice
    low = np.maximum(box.min(axis=0) - margin, 0.0)
    high = np.minimum(box.max(axis=0) + margin, np.array(volume.size) - 1.0)
    count = np.maximum(np.ceil((high - low) / lattice).astype(int) + 1, 4)
    if np.any(high <= low):
        return np.full((k, j, i), AIR, dtype=np.float32)
    mapping = np.diag([*lattice, 1.0])
    mapping[:3, 3] = low
    shape = (int(count[0]), int(count[1]), int(count[2]))
    smooth = _resample_aligned(volume, mapping, [0, 1, 2], shape, step)
    return _spline(smooth, volume.affine @ mapping, affine, size)


def _spline(values: Volume, source: Array, target: Array, size: tuple[int, int, int]) -> Volume:
    """Cubic B-spline interpolation; the index-to-index affine is the transform of a unit-spaced image."""
    image = sitk.GetImageFromArray(values)
    between = np.linalg.inv(source) @ target
    transform = sitk.AffineTransform(3)
    transform.SetMatrix([float(v) for v in between[:3, :3].ravel()])
    transform.SetTranslation([float(v) for v in between[:3, 3]])
    reference = sitk.Image(*size, sitk.sitkUInt8)
    out = sitk.Resample(image, reference, transform, sitk.sitkBSpline3, AIR, sitk.sitkFloat32)
    return np.asarray(sitk.GetArrayFromImage(out), dtype=np.float32)
