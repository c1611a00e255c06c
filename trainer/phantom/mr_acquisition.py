"""How an MR series is acquired: a sagittal 3D balanced gradient echo of one knee (paper, Table 2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from trainer.phantom.acquisition import IDENTITY, Matrix3

F64 = npt.NDArray[np.float64]

_SAGITTAL = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""Columns: LPS direction of increasing i (posterior), j (inferior), k (right)."""


@dataclass(frozen=True)
class MRAcquisition:
    """One series. Lengths in mm; `snr` is marrow over the standard deviation of either channel's noise.

    `acquired` is the share of k-space along i and j that was measured before the images were interpolated
    to the matrix. `bias` is the standard deviation of the logarithm of the coils' sensitivity over the
    field; `gain` scales everything. `dephasing` is Contrast.dephasing.
    """

    rows: int = 640
    columns: int = 640
    pixel: float = 0.234375  # 150 mm in 640
    slice_thickness: float = 1.5
    slices: int = 64
    acquired: float = 0.85
    snr: float = 14.0
    bias: float = 0.2
    gain: float = 1.0
    dephasing: float = 1.2
    noise_seed: int = 0
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)  # LPS
    rotation: Matrix3 = IDENTITY

    @property
    def size(self) -> tuple[int, int, int]:
        """Voxels along i, j, k."""
        return self.columns, self.rows, self.slices

    def in_voxels(self, pixel: float, slice_thickness: float) -> MRAcquisition:
        """The same field of view in other voxels, mm; noise stays what `snr` says of a voxel."""
        return replace(
            self,
            rows=round(self.rows * self.pixel / pixel),
            columns=round(self.columns * self.pixel / pixel),
            slices=round(self.slices * self.slice_thickness / slice_thickness),
            pixel=pixel,
            slice_thickness=slice_thickness,
        )

    @property
    def affine(self) -> F64:
        """(i, j, k) to LPS mm; the middle of the grid is at `centre`."""
        columns = np.array(self.rotation) @ _SAGITTAL * [self.pixel, self.pixel, self.slice_thickness]
        out = np.eye(4)
        out[:3, :3] = columns
        out[:3, 3] = np.array(self.centre) - columns @ ((np.array(self.size) - 1) / 2.0)
        return out
