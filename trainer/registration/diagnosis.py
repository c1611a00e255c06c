"""Why the bones of a CT are not found in an MR: the other side, a part of the knee, or another patient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ctsma_node.analysis.grid import SPACING
from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array, apply
from trainer.mr import MRVolume
from trainer.registration.beside import bent
from trainer.registration.bonewise import KneePose, register
from trainer.registration.coarse import joint_centre
from trainer.registration.fixed import FixedPoints
from trainer.registration.knee import CTKnee
from trainer.registration.quality import Limits, Quality, believed, judge

_JOINT_REACH = 45.0
"""mm above and below the joint: the part that an MR of a knee is made for."""
_HELD = 0.9
"""Share of that part's extent that a field of view must have."""


def diagnosed(quality: Quality, pose: KneePose, knee: CTKnee, mr: MRVolume, limits: Limits) -> Quality:
    """A `low_agreement` with its cause, where one is found; others as they are."""
    if quality.code != "low_agreement":
        return quality
    missing = _out_of_view(quality, pose, mr, limits) or _too_small(knee, mr)
    if missing:
        return replace(quality, code="partial_overlap", reason=missing)
    if _fits_mirrored(knee, mr, limits):
        return replace(
            quality,
            code="other_side",
            reason="mirrored left to right, the bones of the CT are those of the MR: the sides differ",
        )
    if all(each.agreeing >= 0.5 for each in quality.bones.values()):
        return replace(
            quality,
            code="other_patient",
            reason=f"the MR shows a knee, and {quality.reason}: it is another patient's",
        )
    return quality


def _out_of_view(quality: Quality, pose: KneePose, mr: MRVolume, limits: Limits) -> str:
    """One bone is there; the other would lie outside the field of view however the knee is bent."""
    sure = [bone for bone in Bone if believed(quality.bones[bone], limits)]
    if len(sure) != 1:
        return ""
    other = Bone.TIBIA if sure[0] is Bone.FEMUR else Bone.FEMUR
    joint = joint_centre(pose.points)
    seen = max(
        _inside(transform, pose.points[other], mr) for transform in bent(pose.bones[sure[0]].transform, joint)
    )
    return (
        "" if seen >= limits.inside else f"the MR shows the {sure[0]} and at most {seen:.0%} of the {other}"
    )


def _inside(transform: Array, points: FixedPoints, mr: MRVolume) -> float:
    at = mr.to_index(apply(transform, points.lps(every=31)))
    return float(((at >= 0) & (at <= np.array(mr.size) - 1)).all(axis=1).mean())


def _too_small(knee: CTKnee, mr: MRVolume) -> str:
    """Neither bone is found, and the field of view could not hold the ends of both."""
    field = _extent(mr.affine, np.array(mr.size))
    bones = knee.mask(Bone.FEMUR) | knee.mask(Bone.TIBIA)
    k, j, i = np.nonzero(bones)
    middle = (np.nonzero(knee.mask(Bone.FEMUR))[1].max() + np.nonzero(knee.mask(Bone.TIBIA))[1].min()) / 2.0
    near = np.abs(j - middle) * SPACING[1] <= _JOINT_REACH
    lps = apply(knee.affine, np.stack([i[near], j[near], k[near]], axis=1))
    needed = np.ptp(lps, axis=0)
    for axis, name in enumerate(("across", "from front to back", "along the leg")):
        if field[axis] < _HELD * needed[axis]:
            return f"the MR's field of view is {field[axis]:.0f} mm {name}, the joint {needed[axis]:.0f} mm"
    return ""


def _extent(affine: Array, size: Array) -> Array:
    """mm along L, P, S, measured along the axis of the volume that runs nearest to each."""
    steps = affine[:3, :3] * size
    nearest = np.abs(steps).argmax(axis=1)
    return np.asarray(np.linalg.norm(steps, axis=0)[nearest])


def _fits_mirrored(knee: CTKnee, mr: MRVolume, limits: Limits) -> bool:
    """k runs to the patient's right on the analysis grid, so the reversed array is the other knee."""
    hu, labels = np.ascontiguousarray(knee.hu[::-1]), np.ascontiguousarray(knee.labels[::-1])
    mirrored = judge(register(CTKnee(knee.side, hu, labels, knee.affine), mr), limits)
    return any(believed(bone, limits) for bone in mirrored.bones.values())
