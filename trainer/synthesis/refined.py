"""Registration by way of a synthesised CT: the paper's second and third step (sections 3.1.2 and 3.1.3).

The MR, laid over the CT by one rigid motion, becomes an sCT; the CT is registered to that by ANTs, first the
whole knee, then each bone alone. The bones of the sCT are found by the network that finds those of the CT.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ctsma_node.analysis import bones
from ctsma_node.analysis.grid import SIZE, resample
from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array, CTVolume
from trainer.mr import MRVolume
from trainer.registration.ants_rigid import F32, Mask, rigid_between
from trainer.registration.coarse import middle_of
from trainer.registration.fixed import grown
from trainer.registration.knee import CTKnee
from trainer.synthesis.synthesise import Synthesiser

U8 = npt.NDArray[np.uint8]
SOFT_TISSUE = np.float32(0.0)
"""HU of what is not the bone that is registered."""
_LEAST_BONE = 1000
"""Voxels of a bone that the sCT must show for it to be registered by itself."""


@dataclass(frozen=True, eq=False)
class ByWayOfCT:
    """What an sCT led to; transforms are 4 x 4, LPS mm of the CT to LPS mm of the MR."""

    sct: CTVolume
    """In the frame of the CT."""
    whole: Array
    """One motion for the whole knee ("ANTs + SPSNet")."""
    bones: dict[Bone, Array]
    """One of each bone ("+ RRS"); where the sCT shows no such bone, the whole knee's."""
    overlap: dict[Bone, float]
    """Dice of a bone's mask in the CT, moved, and in the sCT."""


def register_by_sct(
    knee: CTKnee, mr: MRVolume, coarse: Array, synthesiser: Synthesiser, analyser: Analyser
) -> ByWayOfCT:
    """`coarse` (4 x 4, CT to MR) is the registration by which the MR is laid over the CT."""
    sct = synthesiser.volume(mr, coarse, middle_of(knee.affine, SIZE))
    moving, labels = bones_of(sct, knee, analyser)
    whole = rigid_between((knee.hu, knee.affine), (moving, knee.affine), np.eye(4))
    found = {bone: _bone(knee, moving, labels, bone, whole) for bone in Bone}
    return ByWayOfCT(
        sct,
        coarse @ whole,
        {bone: coarse @ each for bone, each in found.items()},
        {bone: dice(knee, labels, bone, each) for bone, each in found.items()},
    )


def bones_of(sct: CTVolume, knee: CTKnee, analyser: Analyser) -> tuple[F32, U8]:
    """HU and labels [k, j, i] of an sCT on the analysis grid of its CT."""
    hu, _ = resample(sct, knee.affine, SIZE)
    return hu, bones.segment(hu, analyser.bundle.segmenter, analyser.device)


def _bone(knee: CTKnee, moving: F32, labels: U8, bone: Bone, start: Array) -> Array:
    """A bone of the CT onto the same bone of the sCT, each without its surroundings."""
    label = bones.LABEL[bone]
    if int((labels == label).sum()) < _LEAST_BONE:
        return start
    near_fixed, near_moving = _near(knee.labels, label), _near(labels, label)
    return rigid_between(
        (np.where(near_fixed, knee.hu, SOFT_TISSUE), knee.affine),
        (np.where(near_moving, moving, SOFT_TISSUE), knee.affine),
        start,
        within=near_fixed,
    )


def _near(labels: U8, label: int) -> Mask:
    bone = labels == label
    return grown(bone, (labels > 0) & ~bone)


def dice(knee: CTKnee, labels: U8, bone: Bone, transform: Array) -> float:
    """Of the sCT's bone, brought back to the CT by `transform` (CT to sCT, LPS mm), and the CT's."""
    label = bones.LABEL[bone]
    mapping = np.linalg.inv(knee.affine) @ transform @ knee.affine
    back = ndimage.affine_transform(
        (labels == label).astype(np.uint8),
        mapping[2::-1, 2::-1],
        offset=mapping[2::-1, 3],
        order=0,
        mode="constant",
    )
    here = knee.labels == label
    return float(2.0 * (here & (back > 0)).sum() / max(here.sum() + back.sum(), 1))
