"""The field between two rigid bones: each moves as it does, and what lies between them follows both.

The relative motion of the bones is a screw; a point goes along it as far as its distances to both bones
say (the idea of Kuiper et al. 2021, doi:10.1088/1361-6560/ac1769, there by dual quaternions). For pictures
and for whole images: patches take each bone's own transform.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.linalg import expm, logm

from ctsma_node.analysis.grid import SPACING
from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array, apply
from trainer.mr import MRVolume
from trainer.registration.knee import CTKnee

F32 = npt.NDArray[np.float32]

_STEPS = 32
"""Of the screw that are computed; between two of them the motion is as good as linear."""
_STEP = SPACING[::-1]


@dataclass(frozen=True, eq=False)
class JointField:
    """`points[k, j, i]` (float32, LPS mm of the MR) of each voxel of the CT's analysis grid."""

    points: F32

    def resample(self, mr: MRVolume) -> F32:
        """The MR on the CT's grid [k, j, i], resampled once; 0 outside its field of view."""
        smooth = _smoothed(mr, float(SPACING.min()))
        index = mr.to_index(self.points.astype(np.float64))
        at = np.moveaxis(index, -1, 0)[::-1]
        return np.asarray(ndimage.map_coordinates(smooth, at, order=1, output=np.float32, cval=0.0))


def joint_field(knee: CTKnee, transforms: dict[Bone, Array]) -> JointField:
    """The field of two transforms (4 x 4, LPS mm of the CT to LPS mm of the MR)."""
    weight = femur_share(knee)
    table = _screw(transforms[Bone.TIBIA], transforms[Bone.FEMUR])
    k, j, i = np.indices(weight.shape).reshape(3, -1)
    lps = apply(knee.affine, np.stack([i, j, k], axis=1))
    place = weight.reshape(-1) * _STEPS
    below = np.minimum(place.astype(int), _STEPS - 1)
    out = np.zeros((len(lps), 3), dtype=np.float32)
    for step in range(_STEPS):
        here = np.flatnonzero(below == step)
        part = (place[here] - step)[:, None]
        out[here] = (1.0 - part) * apply(table[step], lps[here]) + part * apply(table[step + 1], lps[here])
    return JointField(out.reshape(*weight.shape, 3))


def femur_share(knee: CTKnee) -> F32:
    """1 in the femur, 0 in the tibia, between them by the squares of the distances; [k, j, i]."""
    femur, tibia = (
        ndimage.distance_transform_edt(~knee.mask(bone), sampling=_STEP) ** 2
        for bone in (Bone.FEMUR, Bone.TIBIA)
    )
    return np.asarray(tibia / np.maximum(femur + tibia, 1e-6), dtype=np.float32)


def _screw(start: Array, end: Array) -> list[Array]:
    """_STEPS + 1 rigid motions from `start` to `end` along one screw."""
    twist = np.real(logm(end @ np.linalg.inv(start)))
    return [np.asarray(expm(twist * n / _STEPS) @ start) for n in range(_STEPS + 1)]


def _smoothed(mr: MRVolume, step: float) -> F32:
    """The MR blurred to the grid it goes to, so that nothing finer is aliased."""
    sigma = 0.5 * np.maximum(step / mr.spacing[::-1], 1.0) * (mr.spacing[::-1] < step)
    return np.asarray(ndimage.gaussian_filter(mr.signal, sigma, truncate=3.0))
