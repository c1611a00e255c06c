"""An MR volume in patient space, as CTVolume is one of CT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ctsma_node.volume import Array, apply


@dataclass(frozen=True, eq=False)
class MRVolume:
    """`signal[k, j, i]` (float32, arbitrary units, never negative) with its place in the patient.

    `affine` (4 x 4, float64) maps the index (i, j, k, 1) of a voxel's centre to LPS millimetres, as
    CTVolume.affine does.
    """

    signal: npt.NDArray[np.float32]
    affine: Array

    @property
    def spacing(self) -> Array:
        """Distance between neighbouring voxel centres along i, j and k, in mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def size(self) -> tuple[int, int, int]:
        """Number of voxels along i, j and k."""
        k, j, i = self.signal.shape
        return i, j, k

    def to_lps(self, ijk: npt.ArrayLike) -> Array:
        """LPS mm of voxel indices; `ijk` is (..., 3) in the order i, j, k."""
        return apply(self.affine, ijk)

    def to_index(self, lps: npt.ArrayLike) -> Array:
        """Fractional (i, j, k) of points in LPS mm; `lps` is (..., 3)."""
        return apply(np.asarray(np.linalg.inv(self.affine), dtype=np.float64), lps)
