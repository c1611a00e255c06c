"""The sagittal grid that both images of a pair are brought onto, and their values as a network sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.grid import AXES
from ctsma_node.volume import Array

F32 = npt.NDArray[np.float32]

HU_RANGE = (-300.0, 1300.0)
"""HU that -1 and 1 stand for: air lies beneath, all but metal and the densest cortex within."""
MR_TOP = 99.5
"""Percentile of an MR's signal that 1 stands for; -1 is no signal."""
NOTHING = -1.0
"""Value of both images where one of them does not reach: neither critic learns a field of view's edge."""


@dataclass(frozen=True)
class SliceGrid:
    """`slices` sagittal slices of `pixels` x `pixels`; arrays [k, j, i] run right, down and back.

    The paper's field of view is 147 mm (150 x 0.977); 144 mm lies within a CT of 14 cm but for its corners.
    """

    pixels: int
    field_mm: float = 144.0
    slices: int = 90
    step_mm: float = 1.0

    @property
    def size(self) -> tuple[int, int, int]:
        """Voxels along i, j, k."""
        return self.pixels, self.pixels, self.slices

    @property
    def spacing(self) -> Array:
        """mm along i, j, k."""
        pixel = self.field_mm / self.pixels
        return np.array([pixel, pixel, self.step_mm])

    def affine(self, centre: npt.ArrayLike) -> Array:
        """(i, j, k) to LPS mm of the grid whose middle is at `centre` (LPS mm)."""
        out = np.eye(4)
        out[:3, :3] = AXES * self.spacing
        middle = (np.array(self.size) - 1) / 2.0
        out[:3, 3] = np.asarray(centre, dtype=np.float64) - out[:3, :3] @ middle
        return out


def scaled_hu(hu: F32) -> F32:
    """HU to [-1, 1]."""
    low, high = HU_RANGE
    return np.asarray(np.clip((hu - low) * (2.0 / (high - low)) - 1.0, -1.0, 1.0), dtype=np.float32)


def hu_of(scaled: F32) -> F32:
    """[-1, 1] to HU."""
    low, high = HU_RANGE
    return np.asarray((scaled + 1.0) * ((high - low) / 2.0) + low, dtype=np.float32)


def scaled_signal(signal: F32, top: float) -> F32:
    """An MR's signal to [-1, 1]; `top` is the signal that becomes 1."""
    return np.asarray(np.clip(signal * (2.0 / max(top, 1e-6)) - 1.0, -1.0, 1.0), dtype=np.float32)


def top_signal(signal: F32) -> float:
    """The MR_TOP percentile, of every second voxel along each axis."""
    return float(np.percentile(signal[::2, ::2, ::2], MR_TOP))
