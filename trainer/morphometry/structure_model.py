"""Structure model index: plate-like or rod-like, from how the surface grows when the structure is dilated."""

from __future__ import annotations

import numpy as np

from trainer.morphometry.distance import Mask, Voxel, distance_to_background
from trainer.morphometry.surface import surface_density


def structure_model_index(bone: Mask, voxel: Voxel, region: Mask | None = None) -> float:
    """6 BV (dBS/dr) / BS^2: 0 plates, 3 rods, 4 spheres (Hildebrand and Rueegsegger 1997, CMBBE 1: 15-23).

    The structure is dilated and eroded by a voxel; what dr that was follows from the volumes, dr = dBV / BS.
    Concave surface counts negative, so that dense bone tends to less than 0 whatever its shape (Salmon et
    al. 2015, Front Endocrinol 6: 162): report it beside BV/TV, and on resolved trabeculae only. NaN without
    a surface; ValueError where voxels are not cubes, which cannot be dilated evenly.
    """
    if max(voxel) > 1.01 * min(voxel):
        raise ValueError("the structure model index needs cubic voxels")
    reach = 1.5 * float(max(voxel))
    grown = distance_to_background(~bone, voxel)[0] < reach
    shrunk = distance_to_background(bone, voxel)[0] > reach
    inside = np.ones(bone.shape, dtype=np.bool_) if region is None else region
    surface, more, less = (surface_density(phase, voxel, inside) for phase in (bone, grown, shrunk))
    volume, larger, smaller = (float(phase[inside].mean()) for phase in (bone, grown, shrunk))
    if not surface > 0.0 or larger == smaller:
        return float("nan")
    return 6.0 * volume * (more - less) / (surface * (larger - smaller))
