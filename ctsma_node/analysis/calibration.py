"""Whether the soft tissue around the bones has its Hounsfield values: bone alone varies too much to tell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ctsma_node.errors import Refused

_TISSUE = (-550.0, 700.0)
"""HU of what may be soft tissue on a scale that is wrong; air and metal are not asked."""
_FAT, _MUSCLE = (-150.0, -50.0), (0.0, 100.0)
"""HU, about the -100 of fat and the 50 of muscle."""
_LEAST = 0.04
"""Share of the soft tissue that each of them has; sound knees have 0.14 of muscle and more of fat."""
_CLEAR = 3
"""Voxels from bone and from air, whose edges pass through every value."""


def shares(hu: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Shares of fat and of muscle in what is soft tissue around the bones; arrays [k, j, i].

    Means over 5 x 5 x 5 voxels, so that noise widens nothing.
    """
    smooth = ndimage.uniform_filter(hu, 5)
    soft = (smooth > _TISSUE[0]) & (smooth < _TISSUE[1])
    soft &= ~ndimage.binary_dilation((labels > 0) | (smooth <= _TISSUE[0]), iterations=_CLEAR)
    values = smooth[soft]
    if values.size == 0:
        return 0.0, 0.0
    fat, muscle = (float(((values > a) & (values < b)).mean()) for a, b in (_FAT, _MUSCLE))
    return fat, muscle


def check_soft_tissue(hu: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8]) -> None:
    """Refuse a knee whose fat or muscle is not where Hounsfield's scale has them."""
    fat, muscle = shares(hu, labels)
    if min(fat, muscle) < _LEAST:
        what = "fat at -100 HU" if fat < muscle else "muscle at 50 HU"
        raise Refused(
            "no_calibrated_hu",
            f"Around the bones there is hardly any {what}: the values are no Hounsfield units.",
        )
