"""A plate with screws and its streaks: for what the gate must refuse."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.phantom.knee import Knee
from trainer.phantom.sdf import capsule, ellipsoid
from trainer.phantom.structure import Part

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

METAL_HU = 8000.0
"""Of the implant before the image's range cuts it off."""


def add_metal(hu: F32, affine: F64, knees: tuple[Knee, ...]) -> None:
    """Put a tray with a stem, and a screw, into the first knee's tibia, in place."""
    if not knees:
        return
    to_bone = np.linalg.inv(knees[0].poses[Part.TIBIA]) @ affine
    j, i = np.meshgrid(np.arange(hu.shape[1]), np.arange(hu.shape[2]), indexing="ij")
    for k in range(hu.shape[0]):
        index = np.stack([i, j, np.full_like(i, k)], axis=-1).astype(np.float64)
        p = (index @ to_bone[:3, :3].T + to_bone[:3, 3]).astype(np.float32)
        solid = np.minimum(
            np.minimum(
                ellipsoid(p, (0.0, 4.0, -9.0), (34.0, 22.0, 3.0)),
                capsule(p, (0.0, 4.0, -9.0), (0.0, 4.0, -48.0), 6.0),
            ),
            capsule(p, (30.0, 2.0, -30.0), (-30.0, 6.0, -26.0), 2.5),
        )
        angle = np.arctan2(p[..., 1] - 4.0, p[..., 0])
        height = np.minimum(
            np.abs(p[..., 2] + 9.0), np.where(p[..., 2] < -9.0, np.maximum(0.0, -48.0 - p[..., 2]), 1e3)
        )
        strength = 500.0 * np.exp(-height / 3.0) * np.exp(-np.maximum(solid, 0.0) / 30.0)
        streaks = np.cos(9.0 * angle + 0.7) * np.cos(5.0 * angle + 0.11 * k)
        hu[k] += (strength * streaks).astype(np.float32)
        cover = np.clip(0.5 - solid, 0.0, 1.0)
        hu[k] += cover * (METAL_HU - hu[k])
