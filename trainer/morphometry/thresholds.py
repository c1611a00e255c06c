"""Bone masks of MR patches by threshold: for the comparison, since none finds trabeculae at 1.5 mm."""

from __future__ import annotations

import numpy as np

from trainer.morphometry.distance import F32, Mask

FRACTION_CUT = 0.35
"""Bone where the fraction map exceeds this."""
WINDOW = 11
"""Pixels along each side of the window of the local threshold."""


def above_cut(fraction: F32, cut: float = FRACTION_CUT) -> Mask:
    """Bone of a fraction map [k, j, i]."""
    return np.asarray(fraction > cut)


def otsu(signal: F32, region: Mask) -> Mask:
    """The dark class of Otsu's two (1979), from the signals of one patch: throws its mean away."""
    from skimage.filters import threshold_otsu

    inside = signal[region]
    if inside.size == 0 or inside.min() == inside.max():
        return np.zeros_like(region)
    return np.asarray(signal < threshold_otsu(inside))


def local_mean(signal: F32) -> Mask:
    """Darker than the Gaussian-weighted mean of the window about each pixel, slice by slice."""
    from skimage.filters import threshold_local

    return np.stack([plane < threshold_local(plane, WINDOW) for plane in signal])
