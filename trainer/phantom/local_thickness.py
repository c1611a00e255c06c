"""Mean local thickness by largest inscribed spheres (Hildebrand and Ruegsegger 1997), for calibration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from trainer.phantom.compiled import serial


@serial
def _is_ridge(radius: npt.NDArray[np.float32], k: int, j: int, i: int) -> bool:
    """True where no neighbour's sphere holds the whole sphere of this voxel."""
    nk, nj, ni = radius.shape
    r = radius[k, j, i]
    for dk in range(-1, 2):
        for dj in range(-1, 2):
            for di in range(-1, 2):
                a, b, c = k + dk, j + dj, i + di
                if a < 0 or b < 0 or c < 0 or a >= nk or b >= nj or c >= ni:
                    continue
                step = np.sqrt(float(dk * dk + dj * dj + di * di))
                if step > 0.0 and radius[a, b, c] >= r + step:
                    return False
    return True


@serial
def _paint(radius: npt.NDArray[np.float32], out: npt.NDArray[np.float32]) -> None:
    """Give every voxel the radius of the largest sphere that covers it."""
    nk, nj, ni = radius.shape
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                r = radius[k, j, i]
                if r <= 0.0 or not _is_ridge(radius, k, j, i):
                    continue
                n = int(r)
                for a in range(max(0, k - n), min(nk, k + n + 1)):
                    for b in range(max(0, j - n), min(nj, j + n + 1)):
                        rest = r * r - (a - k) ** 2 - (b - j) ** 2
                        if rest <= 0.0:
                            continue
                        m = int(np.sqrt(rest))
                        for c in range(max(0, i - m), min(ni, i + m + 1)):
                            if out[a, b, c] < r:
                                out[a, b, c] = r


def mean_local_thickness(mask: npt.NDArray[np.bool_], voxel: float, margin: int = 0) -> float:
    """Mean diameter over `mask` (isotropic voxels of side `voxel` mm), in mm.

    `margin` voxels at every face are left out of the mean, where spheres are cut. Half a voxel is
    taken off: the distance runs to the centre of the nearest voxel outside, not to the surface.
    """
    radius = distance_transform_edt(mask).astype(np.float32)
    out = np.zeros_like(radius)
    _paint(radius, out)
    core = tuple(slice(margin, n - margin) for n in mask.shape)
    inside = mask[core]
    return float(2.0 * out[core][inside].mean() - 0.5) * voxel
