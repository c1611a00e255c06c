"""Layers of tissue as sampled distances: soft tissue, couch, and the rough anatomy of other regions."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Mottling:
    """What is scattered through a layer: threads of the layer `of` (an index), `share` of it where they are
    thickest. Layers that are not named are even."""

    share: dict[int, tuple[int, float]] = field(default_factory=dict)
    shift: float = 0.0  # of the texture tile, another for each leg

    def tables(self, count: int) -> tuple[I64, F64]:
        """For each of `count` layers the other layer, -1 where there is none, and its share."""
        of, share = np.full(count, -1, dtype=np.int64), np.zeros(count)
        for layer, (other, most) in self.share.items():
            of[layer], share[layer] = other, most
        return of, share


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
    mottling: Mottling = field(default_factory=Mottling)


def sample_points(box: tuple[tuple[float, float], ...], step: float) -> tuple[npt.NDArray[np.float32], F64]:
    """Points [k, j, i, xyz] every `step` mm over a box of (low, high) along x, y, z, and the first point."""
    x, y, z = (np.arange(low, high + step, step) for low, high in box)
    grid = np.meshgrid(z, y, x, indexing="ij")
    points = np.stack([grid[2], grid[1], grid[0]], axis=-1).astype(np.float32)
    return points, np.array([x[0], y[0], z[0]])
