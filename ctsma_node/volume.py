"""A CT volume in patient space: the one currency between assembling and analysing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SourceFrame:
    """Where one slice of a volume came from."""

    sop_class_uid: str
    sop_instance_uid: str
    frame_number: int | None = None
    """One-based frame of a multi-frame instance; None for a single-frame one."""


@dataclass(frozen=True)
class CTVolume:
    """`hu[k, j, i]` in Hounsfield units (float32) with its place in the patient.

    `affine` (4 x 4, float64) maps the index (i, j, k, 1) of a voxel's centre to LPS millimetres
    (PS3.3 C.7.6.2.1.1; i runs along a row, j along a column, k through the slices).
    `sources[k]` names the frame that slice k was read from; empty for a resampled volume.
    """

    hu: npt.NDArray[np.float32]
    affine: Array
    sources: tuple[SourceFrame, ...] = field(default=())
    tube_voltage: float | None = None  # kV; None: not known

    def __post_init__(self) -> None:
        if self.hu.ndim != 3:
            raise ValueError(f"a volume has three axes (k, j, i), not {self.hu.ndim}")
        if self.affine.shape != (4, 4):
            raise ValueError(f"an affine is 4 x 4, not {self.affine.shape}")
        if self.sources and len(self.sources) != self.hu.shape[0]:
            raise ValueError("one source frame for each slice")

    @property
    def spacing(self) -> Array:
        """Distance between neighbouring voxel centres along i, j and k, in mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def size(self) -> tuple[int, int, int]:
        """Number of voxels along i, j and k."""
        k, j, i = self.hu.shape
        return i, j, k

    def to_lps(self, ijk: npt.ArrayLike) -> Array:
        """LPS mm of voxel indices; `ijk` is (..., 3) in the order i, j, k."""
        return apply(self.affine, ijk)

    def to_index(self, lps: npt.ArrayLike) -> Array:
        """Fractional (i, j, k) of points in LPS mm; `lps` is (..., 3)."""
        return apply(np.asarray(np.linalg.inv(self.affine), dtype=np.float64), lps)


def apply(affine: Array, points: npt.ArrayLike) -> Array:
    """Map points (..., 3) by a 4 x 4 affine."""
    p = np.asarray(points, dtype=np.float64)
    return np.asarray(p @ affine[:3, :3].T + affine[:3, 3])
