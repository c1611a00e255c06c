"""How far a structure prefers a direction: the mean intercept length tensor and the degree of anisotropy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.morphometry.distance import Mask, Voxel
from trainer.morphometry.surface import crossings_per_mm, lattice_lines


def fabric_tensor(bone: Mask, voxel: Voxel, region: Mask | None = None) -> npt.NDArray[np.float64]:
    """Symmetric M (3 x 3, axes k, j, i) with (crossings per mm)^2 = d' M d for every unit direction d.

    The mean intercept length is 1 / sqrt(d' M d) up to a constant (Harrigan and Mann 1984, J Mater Sci
    19: 761-767). Least squares over the 13 directions of the lattice. NaN where there is no surface.
    """
    lines = lattice_lines(voxel)
    counts = crossings_per_mm(bone, voxel, region)
    seen = np.isfinite(counts)
    if seen.sum() < 6 or not counts[seen].any():
        return np.full((3, 3), np.nan)
    a, b, c = lines.axis[seen].T
    terms = np.stack([a * a, b * b, c * c, 2 * a * b, 2 * a * c, 2 * b * c], axis=1)
    weight = np.sqrt(lines.weight[seen])
    m = np.linalg.lstsq(terms * weight[:, None], counts[seen] ** 2 * weight, rcond=None)[0]
    return np.array([[m[0], m[3], m[4]], [m[3], m[1], m[5]], [m[4], m[5], m[2]]])


def degree_of_anisotropy(bone: Mask, voxel: Voxel, region: Mask | None = None) -> float:
    """1 - least over largest eigenvalue of the tensor: 0 isotropic, 1 wholly aligned (as BoneJ's DA).

    On MR with slices of 1.5 mm it describes the voxel more than the bone: use it on isotropic voxels, finer
    than a trabecula. NaN without a surface.
    """
    tensor = fabric_tensor(bone, voxel, region)
    if not np.isfinite(tensor).all():
        return float("nan")
    values = np.clip(np.linalg.eigvalsh(tensor), 0.0, None)
    return float(1.0 - values[0] / values[-1]) if values[-1] > 0.0 else float("nan")
