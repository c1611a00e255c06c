"""Patches of the analysis grid around points, and what the scan's noise looks like outside the bone.

Patches are 12 x 12 x 12 voxels (paper, section 4.1), cut from canonical arrays [k, j, i].
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

PATCH = 12
MOST_OVERLAP = 0.5
"""Intersection over union that the patches of two subregions stay below (paper, section 4.5)."""
CONTEXT: tuple[str, ...] = ("log noise lag 1", "log noise lag 2", "log noise lag 1 through slices")
"""What `noise_context` measures: the noise that texture statistics must be told apart from."""
_SOFT = (-20.0, 120.0)
_NOISE = (0.055, 0.6)
"""HU / 100. Less is anatomy and not noise, more no CT that is fit: the student has seen neither."""

Volume = npt.NDArray[np.float32]


def corner(centres: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """First voxel (k, j, i) of the patch around each centre, which is (n, 3) in fractional voxels."""
    return np.round(np.asarray(centres, dtype=np.float64) - (PATCH - 1) / 2.0).astype(np.int64)


def surrounding(centres: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The eight patches on the voxel grid around each point, and their trilinear weights.

    Centres (8, n, 3) in (k, j, i) and weights (8, n). What is measured at a point this way moves smoothly
    with the point; at the nearest patch it would jump when the point crosses half a voxel.
    """
    at = np.asarray(centres, dtype=np.float64) - (PATCH - 1) / 2.0
    low = np.floor(at)
    part = at - low
    steps = np.array([(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    weights = np.prod(np.where(steps[:, None] == 1, part, 1.0 - part), axis=2)
    return low + steps[:, None] + (PATCH - 1) / 2.0, weights


def covered_centre(centres: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Where the patch that is cut for each centre really has its middle, in (k, j, i) voxels."""
    return np.asarray(corner(centres) + (PATCH - 1) / 2.0, dtype=np.float64)


def overlap(centres: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Intersection over union of the patches around any two of n centres (k, j, i): (n, n)."""
    at = np.asarray(centres, dtype=np.float64)
    shared = np.clip(PATCH - np.abs(at[:, None] - at[None]), 0.0, None).prod(axis=2)
    return np.asarray(shared / (2 * PATCH**3 - shared))


def cut(array: npt.NDArray[np.generic], centres: npt.ArrayLike, outside: float) -> Volume:
    """Patches (n, 12, 12, 12) around centres (n, 3) in (k, j, i); beyond the array's edge: `outside`."""
    padded = np.pad(array.astype(np.float32), PATCH, constant_values=outside)
    first = corner(centres) + PATCH
    first = np.clip(first, 0, np.array(padded.shape) - PATCH)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (PATCH, PATCH, PATCH))
    return np.ascontiguousarray(windows[first[:, 0], first[:, 1], first[:, 2]])


def noise_context(hu: Volume, bone: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Noise of the scan as the student takes it: (len(CONTEXT),)."""
    return student_noise(noise_levels(hu, bone))


def student_noise(levels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """`noise_levels`, no higher than the student has seen."""
    return np.minimum(levels, np.float32(np.log(_NOISE[1])))


def noise_levels(hu: Volume, bone: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Noise of the scan on the analysis grid, read in soft tissue: (len(CONTEXT),).

    Squared differences of voxels one and two apart, where a smoothed image says muscle: the median of
    them is little touched by vessels and edges. In units of (HU / 100), as log of the standard deviation.
    """
    smooth = ndimage.uniform_filter(hu, 5)
    soft = (smooth > _SOFT[0]) & (smooth < _SOFT[1]) & ~ndimage.binary_dilation(bone, iterations=3)
    lags = ((2, 1), (2, 2), (0, 1))
    return np.array([_log_noise(hu, soft, axis, lag) for axis, lag in lags], dtype=np.float32)


def _log_noise(hu: Volume, soft: npt.NDArray[np.bool_], axis: int, lag: int) -> float:
    n = hu.shape[axis] - lag
    near, far = np.take(hu, range(n), axis), np.take(hu, range(lag, n + lag), axis)
    both = np.take(soft, range(n), axis) & np.take(soft, range(lag, n + lag), axis)
    if both.sum() < 500:
        return float(np.log(0.3))
    mad = float(np.median(np.abs((far - near)[both])))
    return float(np.log(max(mad / 0.6745 / np.sqrt(2.0) / 100.0, _NOISE[0])))
