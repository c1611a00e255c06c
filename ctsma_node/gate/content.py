"""What the decoded volume itself shows: blank slices and metal."""

from __future__ import annotations

import numpy as np

from ctsma_node.gate.refusals import refused
from ctsma_node.gate.settings import GateSettings
from ctsma_node.volume import CTVolume

METAL_HU = 2976.0
"""Dense cortex reaches about 2200 HU with a sharp kernel; 12-bit scanners end at 3071 HU."""


def no_blank_slices(volume: CTVolume) -> None:
    """No slice between two others holds a single value; a reformatted stack may be blank at its ends."""
    flat = volume.hu.min(axis=(1, 2)) == volume.hu.max(axis=(1, 2))
    filled = np.flatnonzero(~flat)
    inside = flat[filled[0] : filled[-1]] if len(filled) else flat
    if inside.any():
        raise refused("blank_slices", count=int(inside.sum()), total=len(flat))


def no_metal(volume: CTVolume, limits: GateSettings) -> None:
    """No more metal than a surgical clip in the field of view."""
    metal = metal_volume(volume)
    if metal > limits.max_metal_mm3:
        raise refused("metal_implant", volume=metal, threshold=METAL_HU)


def metal_volume(volume: CTVolume) -> float:
    """Volume in mm3 of the solid parts above METAL_HU.

    Only blocks of 2 x 2 x 2 voxels that are metal through and through count: noise and the overshoot of a
    sharp kernel raise single voxels of cortex above the threshold, never eight that touch.
    """
    metal = volume.hu >= METAL_HU
    if not metal.any():
        return 0.0
    pairs = metal[1:] & metal[:-1]
    squares = pairs[:, 1:] & pairs[:, :-1]
    blocks = squares[:, :, 1:] & squares[:, :, :-1]
    return float(np.count_nonzero(blocks) * abs(np.linalg.det(volume.affine[:3, :3])))
