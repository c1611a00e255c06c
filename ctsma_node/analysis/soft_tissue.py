"""Whether the soft tissue around the bones has its Hounsfield values: bone alone varies too much to tell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ctsma_node.analysis.result import Mark
from ctsma_node.errors import Refused

_TISSUE = (-550.0, 700.0)
"""HU of what may be soft tissue on a scale that is wrong; air and metal are not asked."""
_KNOWN = (-180.0, 130.0)
"""HU from fat, about -100, to muscle, tendon and blood, about 50 to 90."""
_MARKED, _REFUSED = 0.08, 0.5
"""Share of the soft tissue outside of that; five drawn knees had at most 0.013. A cast or contrast medium is
some of it, a wrong scale most."""
_CLEAR = 3
"""Voxels from bone and from air, whose edges pass through every value."""
_FEWEST = 5000
"""Voxels of a cubic millimetre; with less around it a bone cannot be asked."""


def share_elsewhere(hu: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8]) -> float:
    """Share of the soft tissue around the bones that has no value of soft tissue; arrays [k, j, i].

    Means over 5 x 5 x 5 voxels, so that noise widens nothing. 0 where there is hardly any.
    """
    smooth = ndimage.uniform_filter(hu, 5)
    soft = (smooth > _TISSUE[0]) & (smooth < _TISSUE[1])
    soft &= ~ndimage.binary_dilation((labels > 0) | (smooth <= _TISSUE[0]), iterations=_CLEAR)
    values = smooth[soft]
    if values.size < _FEWEST:
        return 0.0
    return float(((values < _KNOWN[0]) | (values > _KNOWN[1])).mean())


def soft_tissue_marks(hu: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8]) -> tuple[Mark, ...]:
    """Mark a knee whose soft tissue is not where Hounsfield's scale has it; refuse one of another scale."""
    share = share_elsewhere(hu, labels)
    if share >= _REFUSED:
        raise Refused(
            "no_calibrated_hu",
            f"{share:.0%} of the soft tissue around the bones is neither as dense as fat nor as muscle: "
            "the values are no Hounsfield units.",
        )
    if share < _MARKED:
        return ()
    text = (
        f"{share:.0%} of the soft tissue is neither as dense as fat nor as muscle: check the Hounsfield scale"
    )
    return (Mark("unusual_soft_tissue", text),)
