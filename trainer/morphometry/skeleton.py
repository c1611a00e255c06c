"""Slice-wise lengths along a skeleton: the way of the method's authors, with its scale set right.

The released code of CT-SMA takes the distance to the edge along the skeleton of each slice. It cuts that
distance to a whole number, takes it for a thickness without doubling it, multiplies the separation by three
and calls the bright side bone, although marrow is bright in MR-BFFE. `skeleton` corrects these; `srrd`
keeps them and is there for comparison only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, zoom

from trainer.morphometry.distance import F32, Mask, Voxel
from trainer.morphometry.parameters import Method, TrabecularParameters

SRRD_PIXEL = 0.1
"""mm; slices are interpolated to it."""
SRRD_BLOCK = 11
"""Pixels along each side of the window of the local threshold."""
SRRD_SPECK = 4
"""Pixels; pieces and holes below this are removed."""


def _skeleton_widths(phase: Mask, voxel: Voxel, region: Mask) -> npt.NDArray[np.float64]:
    """Width (mm) at each skeleton pixel of a slice [j, i] that lies in the region."""
    from skimage.morphology import skeletonize

    if phase.all() or not phase.any():
        return np.empty(0)
    radius = distance_transform_edt(phase, sampling=voxel[1:])
    line = skeletonize(phase) & region
    # The skeleton lies up to half a pixel off the mid-line, the centre outside half a pixel past the edge.
    return np.asarray(2.0 * radius[line] - 0.5 * (voxel[1] + voxel[2]) / 2.0)


def skeleton(bone: Mask, voxel: Voxel, region: Mask | None = None) -> TrabecularParameters:
    """Mean width along the skeletons of bone and marrow in the slices of a mask [k, j, i].

    BV/TV counts pixels, Tb.N is 1 / (Tb.Th + Tb.Sp). Widths are those of sections: above the thickness of
    plates that a slice cuts obliquely.
    """
    inside = np.ones(bone.shape, dtype=np.bool_) if region is None else region
    slices = list(zip(bone, inside, strict=True))
    thickness, separation = (
        _mean(np.concatenate([_skeleton_widths(b if dark else ~b, voxel, r) for b, r in slices]))
        for dark in (True, False)
    )
    share = float(bone[inside].mean()) if inside.any() else float("nan")
    number = 1.0 / (thickness + separation)
    return TrabecularParameters(Method.SKELETON, True, share, thickness, separation, number)


def srrd(signal: F32, voxel: Voxel) -> TrabecularParameters:
    """The authors' formula as released, on an MR signal [k, j, i]; its BV/TV is no volume fraction."""
    lengths = np.array([_srrd_slice(plane, voxel) for plane in signal])
    thickness, separation = (_mean(lengths[:, n]) for n in range(2))
    total = thickness + separation
    return TrabecularParameters(Method.SRRD, True, thickness / total, thickness, separation, 1.0 / total)


def _srrd_slice(plane: npt.NDArray[np.float32], voxel: Voxel) -> tuple[float, float]:
    from skimage.filters import threshold_local
    from skimage.morphology import remove_small_holes, remove_small_objects, skeletonize

    fine = zoom(plane.astype(np.float64), (voxel[1] / SRRD_PIXEL, voxel[2] / SRRD_PIXEL), order=1)
    bright = fine > threshold_local(fine, SRRD_BLOCK, offset=1)
    speck = SRRD_SPECK - 1
    bright = remove_small_holes(remove_small_objects(bright, max_size=speck), max_size=speck)
    widths = [
        _mean(np.trunc(distance_transform_edt(phase))[skeletonize(phase)] * SRRD_PIXEL)
        for phase in (bright, ~bright)
    ]
    return widths[0], 3.0 * widths[1]


def _mean(values: npt.NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
