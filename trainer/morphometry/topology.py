"""Connectivity density from the Euler characteristic (Odgaard and Gundersen 1993, Bone 14: 173-182)."""

from __future__ import annotations

import numpy as np

from trainer.morphometry.distance import Mask, Voxel
from trainer.phantom.compiled import serial


@serial
def _euler_of_corners(mask: Mask, region: Mask) -> tuple[float, int]:
    """Sum over lattice corners of their share of the Euler characteristic, and how many corners there are.

    Only corners with all eight voxels in the region count. A corner brings itself if any of its voxels is
    bone, half of each edge, a quarter of each face and an eighth of each voxel that meet there: bone is a
    closed union of voxels (26-connected), marrow 6-connected.
    """
    nk, nj, ni = mask.shape
    total, corners = 0.0, 0
    near = np.zeros((2, 2, 2), dtype=np.bool_)
    for k in range(nk - 1):
        for j in range(nj - 1):
            for i in range(ni - 1):
                inside, bone = 0, 0
                for a in range(2):
                    for b in range(2):
                        for c in range(2):
                            near[a, b, c] = mask[k + a, j + b, i + c]
                            inside += region[k + a, j + b, i + c]
                            bone += near[a, b, c]
                if inside < 8:
                    continue
                corners += 1
                if bone == 0 or bone == 8:
                    continue
                edges, faces = 0, 0
                for s in range(2):
                    edges += near[s].any() + near[:, s].any() + near[:, :, s].any()
                    for t in range(2):
                        faces += near[s, t].any() + near[s, :, t].any() + near[:, s, t].any()
                total += 1.0 - 0.5 * edges + 0.25 * faces - 0.125 * bone
    return total, corners


def euler_density(bone: Mask, voxel: Voxel, region: Mask | None = None) -> float:
    """Euler characteristic of `bone` per mm3, unbiased at the border; NaN without corners."""
    inside = np.ones(bone.shape, dtype=np.bool_) if region is None else region
    total, corners = _euler_of_corners(bone, inside)
    return total / (corners * float(np.prod(voxel))) if corners else float("nan")


def connectivity_density(bone: Mask, voxel: Voxel, region: Mask | None = None) -> float:
    """Conn.D = -Euler characteristic per volume, 1/mm3: loops less pieces and closed holes.

    Right only where trabeculae are resolved: on MR it counts noise.
    """
    return -euler_density(bone, voxel, region)
