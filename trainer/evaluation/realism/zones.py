"""Where in a knee something is measured: depth under a bone's surface, compartment, the loaded columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import apply
from trainer.phantom.knee import Knee
from trainer.phantom.structure import Part

F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

DEPTHS = ((0.0, 3.0), (3.0, 6.0), (6.0, 10.0), (10.0, 15.0))
"""mm under the endosteal surface; published cores are mostly of the first 5 to 6 mm."""
COMPARTMENTS = ("medial", "lateral")
_COLUMNS = {
    Bone.FEMUR: ((12.0, 30.0), (-8.0, 16.0), (-8.0, 22.0)),
    Bone.TIBIA: ((12.0, 30.0), (-12.0, 16.0), (-30.0, 8.0)),
}
"""|x| (medial or lateral), y (posterior) and z (superior) of the bone's frame, mm for a knee of middle size:
below the middle of each plateau and above the distal face of each condyle."""


def depth_under_surface(mask: Mask, spacing: F64) -> F32:
    """Distance (mm) of each voxel of `mask` [k, j, i] from its surface; spacing along i, j, k. 0 outside.

    The edge of the grid counts as no surface: what is cut there goes on.
    """
    found = np.nonzero(mask)
    out = np.zeros(mask.shape, dtype=np.float32)
    if found[0].size:
        box = tuple(slice(max(0, a.min() - 1), a.max() + 2) for a in found)
        out[box] = distance_transform_edt(mask[box], sampling=spacing[::-1])
    return out


def in_bone_frame(knee: Knee, bone: Bone, points_lps: F64) -> F64:
    """Points (n, 3) in the bone's frame of a right knee: x medial, y posterior, z superior, mm."""
    return apply(np.asarray(np.linalg.inv(knee.poses[Part(bone.value)])), points_lps)


def loaded_columns(knee: Knee, bone: Bone, compartment: str, points_lps: F64) -> Mask:
    """Which points (n, 3) lie in the column that carries a compartment's load."""
    sign = 1.0 if compartment == "medial" else -1.0
    p = in_bone_frame(knee, bone, points_lps) / np.array(knee.anatomy.size)
    inside = np.ones(len(p), dtype=bool)
    for values, (low, high) in zip((sign * p[:, 0], p[:, 1], p[:, 2]), _COLUMNS[bone], strict=True):
        inside &= (values >= low) & (values <= high)
    return inside
