"""Layers of tissue as sampled distances: soft tissue, couch, and the rough anatomy of other regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layers:
    """Signed distances (nz, ny, nx, layers) in a frame of their own, painted in order, each with its HU.

    The first layer holds all the others. Past the end of the map along z the last sample holds.
    """

    maps: F32
    origin: F64
    step: float
    hu: F64
    pose: F64  # 4 x 4, own frame -> scene LPS mm


def sample_points(box: tuple[tuple[float, float], ...], step: float) -> tuple[npt.NDArray[np.float32], F64]:
    """Points [k, j, i, xyz] every `step` mm over a box of (low, high) along x, y, z, and the first point."""
    x, y, z = (np.arange(low, high + step, step) for low, high in box)
    grid = np.meshgrid(z, y, x, indexing="ij")
    points = np.stack([grid[2], grid[1], grid[0]], axis=-1).astype(np.float32)
    return points, np.array([x[0], y[0], z[0]])
