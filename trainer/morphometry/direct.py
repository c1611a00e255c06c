"""Direct morphometry: lengths by largest inscribed spheres, without a model of the structure."""

from __future__ import annotations

import numpy as np

from trainer.morphometry.distance import F32, Mask, Voxel
from trainer.morphometry.local_thickness import thickness_map
from trainer.morphometry.parameters import Method, TrabecularParameters


def mean_thickness(local: F32, region: Mask | None = None) -> float:
    """Mean (mm, by volume) of a local thickness map over its phase within a region; NaN where it is empty."""
    inside = local > 0.0 if region is None else (local > 0.0) & region
    return float(local[inside].mean()) if inside.any() else float("nan")


def direct(
    bone: Mask, voxel: Voxel, region: Mask | None = None, *, halves: bool = True, apparent: bool = False
) -> TrabecularParameters:
    """Measure `bone` [k, j, i] inside `region`, while spheres may reach out of it.

    BV/TV counts voxels; Tb.Th and Tb.Sp are means of the local thickness of bone and marrow. Tb.N is
    1 / (Tb.Th + Tb.Sp): the mean distance of the mid-axes, whose inverse Bouxsein et al. 2010 define as Tb.N,
    is one element and one gap wide, and this form needs no skeleton, which differs from program to program.
    """
    inside = np.ones(bone.shape, dtype=np.bool_) if region is None else region
    thickness = mean_thickness(thickness_map(bone, voxel, halves=halves), inside)
    separation = mean_thickness(thickness_map(~bone, voxel, halves=halves), inside)
    return TrabecularParameters(
        method=Method.DIRECT,
        apparent=apparent,
        bvtv=float(bone[inside].mean()) if inside.any() else float("nan"),
        thickness=thickness,
        separation=separation,
        number=1.0 / (thickness + separation),
    )
