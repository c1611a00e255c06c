"""What a bone is at each point of its own frame: distance, cortex, cartilage, and the trabecular law."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt

from trainer.phantom.compiled import inlined

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


class Part(StrEnum):
    """The four bones of a knee."""

    FEMUR = "femur"
    TIBIA = "tibia"
    PATELLA = "patella"
    FIBULA = "fibula"


LABELS: dict[Part, int] = {Part.FEMUR: 1, Part.TIBIA: 2, Part.PATELLA: 3, Part.FIBULA: 4}
"""Voxel values of a label volume, as KneeResult.bone_labels."""


class Channel(IntEnum):
    """Last axis of BoneStructure.maps."""

    DISTANCE = 0  # mm to the bone's surface, negative inside
    CORTEX = 1  # thickness, mm
    CARTILAGE = 2  # thickness, mm
    BVTV = 3
    LOG_WAVELENGTH = 4  # of mm
    RODNESS = 5
    FLUID = 6  # 0 fatty marrow, 1 fluid of a cyst


@dataclass(frozen=True, eq=False)
class BoneStructure:
    """Maps (nz, ny, nx, channels) over the bone's frame: x medial, y posterior, z superior, mm.

    The frame is that of a right knee; the pose of a left one holds a reflection. Index (0, 0, 0) is at
    `origin` (x, y, z); `step` mm between samples. Outside the maps the nearest sample holds, so
    that a shaft goes on past the end of its map.
    """

    part: Part
    maps: F32
    origin: F64
    step: float
    fabric: F64  # bone mm -> isotropic texture mm
    shift: float  # of the texture tile, so that no two bones share their trabeculae

    def at(self, points: F64) -> F64:
        """Every channel at points (n, 3) of the bone's frame: (n, channels), trilinear."""
        q = (points - self.origin) / self.step
        top = np.array(self.maps.shape[2::-1]) - 1
        q = np.clip(q, 0.0, top)
        low = np.minimum(q.astype(np.int64), top - 1)
        part = q - low
        out = np.zeros((points.shape[0], self.maps.shape[3]))
        for corner in range(8):
            bit = np.array([corner & 1, corner >> 1 & 1, corner >> 2 & 1])
            weight = np.prod(np.where(bit == 1, part, 1.0 - part), axis=1)
            at = low + bit
            out += weight[:, None] * self.maps[at[:, 2], at[:, 1], at[:, 0]]
        return out


@inlined
def interpolate(maps: F32, channel: int, x: float, y: float, z: float) -> float:
    """One channel at map indices (x, y, z), trilinear, the edge held."""
    nz, ny, nx, _ = maps.shape
    x = min(max(x, 0.0), nx - 1.001)
    y = min(max(y, 0.0), ny - 1.001)
    z = min(max(z, 0.0), nz - 1.001)
    i, j, k = int(x), int(y), int(z)
    u, v, w = x - i, y - j, z - k
    low = (1.0 - v) * ((1.0 - u) * maps[k, j, i, channel] + u * maps[k, j, i + 1, channel]) + v * (
        (1.0 - u) * maps[k, j + 1, i, channel] + u * maps[k, j + 1, i + 1, channel]
    )
    high = (1.0 - v) * ((1.0 - u) * maps[k + 1, j, i, channel] + u * maps[k + 1, j, i + 1, channel]) + v * (
        (1.0 - u) * maps[k + 1, j + 1, i, channel] + u * maps[k + 1, j + 1, i + 1, channel]
    )
    return float((1.0 - w) * low + w * high)
