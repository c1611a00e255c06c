"""Grids to render and label on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


def axial_grid(centre: F64, size: tuple[int, int, int], spacing: float) -> F64:
    """Affine of an isotropic axial grid of `size` (i, j, k) voxels about a centre (LPS mm)."""
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = centre - spacing * (np.array(size) - 1) / 2.0
    return affine
