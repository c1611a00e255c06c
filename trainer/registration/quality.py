"""Whether a registration is to be believed, how far it may be off, and if not, why.

Two witnesses that share little are heard for each bone: mutual information, which rests on edges, and the
texture inside, which is as personal as a fingerprint; a third one where a synthesised CT shows the MR's
bones, whose masks must lie on the CT's. The rest guards against what these cannot see.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.spatial.transform import Rotation

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array, apply
from trainer.registration.bonewise import BonePose, KneePose
from trainer.registration.coarse import joint_centre


class Verdict(StrEnum):
    """What becomes of a pair."""

    REGISTERED = "registered"
    NOT_REGISTERED = "not_registered"


@dataclass(frozen=True)
class Limits:
    """What is still believed: set between right and wrong phantom pairs; a site may have to move them."""

    information: float = 0.4
    """Bits. Right bones were seen at 0.48 and more, two of 160 at 0.30 and 0.37 in mottled marrow; wrong
    ones at 0.2 to 0.6: this tells a knee from no knee, and hardly one knee from another. Half of it is enough
    for a bone whose texture is `sure`."""
    texture: float = 0.4
    """Right bones were seen at 0.6 and more, wrong ones (other patients, mirrored) up to 0.3."""
    overlap: float = 0.4
    """Dice of the bone's masks in CT and synthesised CT, where there is a synthesis and the texture is not
    `sure`."""
    inside: float = 0.85
    """Share of each bone that the MR shows."""
    error_mm: float = 1.0
    flexion_degrees: float = 75.0
    """Between the scans."""
    other_turn_degrees: float = 20.0
    """Of the tibia against the femur about the two other axes."""
    shift_mm: float = 25.0
    """Of the tibia against the femur at the joint: the condyles roll back by about 10 mm."""
    agreeing: float = 0.3
    """Share of the starts that end at the same pose; unless the texture is `sure`."""
    sure: float = 0.6
    """Texture that leaves no doubt of the pose, however few of the starts came to it: twice what
    a wrong bone was ever seen at."""


@dataclass(frozen=True)
class BoneFigures:
    """One bone, as in BonePose; `agreeing` is a share."""

    information: float
    texture: float
    inside: float
    moved_mm: float
    halves_mm: float
    agreeing: float
    error_mm: float
    overlap: float | None = None


@dataclass(frozen=True)
class KneeMotion:
    """How the knee lies otherwise in the MR than in the CT: the tibia against the femur."""

    flexion_degrees: float
    other_turn_degrees: float
    shift_mm: float


@dataclass(frozen=True)
class Quality:
    """Figures of a pair and the verdict; `code` is stable and "" for a registered pair."""

    verdict: Verdict
    code: str
    reason: str
    error_mm: float
    """Estimated target registration error: the larger of the bones'."""
    bones: dict[Bone, BoneFigures]
    motion: KneeMotion


_FLOOR_MM = 0.03
"""What no half of the points sees: the two grids' own smoothing."""


def figures(pose: BonePose, limits: Limits, overlap: float | None = None) -> BoneFigures:
    """Figures of a bone; `overlap` where a synthesis shows the MR's bones.

    The error is estimated from how far noise moves the pose (its halves), and where texture had no say, from
    how far apart texture and mutual information are.
    """
    error = float(np.hypot(pose.halves_mm, _FLOOR_MM))
    if pose.texture < limits.texture:
        error = max(error, pose.moved_mm)
    return BoneFigures(
        information=pose.information,
        texture=pose.texture,
        inside=pose.inside,
        moved_mm=pose.moved_mm,
        halves_mm=pose.halves_mm,
        agreeing=pose.agreeing / max(pose.started, 1),
        error_mm=error,
        overlap=overlap,
    )


def motion(femur: Array, tibia: Array, joint: Array) -> KneeMotion:
    """Between the scans, from both bones' 4 x 4; flexion is about the CT's left-right axis."""
    relative = np.linalg.inv(femur) @ tibia
    turn = np.rad2deg(Rotation.from_matrix(relative[:3, :3]).as_rotvec())
    shift = apply(relative, joint) - joint
    return KneeMotion(float(turn[0]), float(np.hypot(turn[1], turn[2])), float(np.linalg.norm(shift)))


def believed(bone: BoneFigures, limits: Limits) -> bool:
    """Whether both witnesses say that this is the bone, and here."""
    return not _doubts(bone, limits)


def _doubts(bone: BoneFigures, limits: Limits) -> list[str]:
    """What speaks against a bone. Of one that is cut off, what is there can agree.

    A synthesis that has drawn bones badly is no witness against a texture that is `sure`.
    """
    least_information = limits.information * (0.5 if bone.texture >= limits.sure else 1.0)
    found = {
        "mutual information": (bone.information, least_information),
        "texture": (bone.texture, limits.texture),
    }
    if bone.overlap is not None and bone.texture < limits.sure:
        found["overlap of the masks"] = (bone.overlap, limits.overlap)
    return [
        f"{name} {value:.2f}, less than {least:g}"
        for name, (value, least) in found.items()
        if value < least * bone.inside
    ]


def judge(pose: KneePose, limits: Limits, overlap: dict[Bone, float] | None = None) -> Quality:
    """The verdict on a pair; why the bones do not agree is for `diagnosis` to find."""
    bones = {bone: figures(each, limits, (overlap or {}).get(bone)) for bone, each in pose.bones.items()}
    moved = motion(
        pose.bones[Bone.FEMUR].transform, pose.bones[Bone.TIBIA].transform, joint_centre(pose.points)
    )
    error = max(each.error_mm for each in bones.values())
    code, reason = _objection(bones, moved, error, limits)
    verdict = Verdict.NOT_REGISTERED if code else Verdict.REGISTERED
    return Quality(verdict, code, reason, error, bones, moved)


def _objection(
    bones: dict[Bone, BoneFigures], moved: KneeMotion, error: float, limits: Limits
) -> tuple[str, str]:
    doubts = [f"{bone}: {each}" for bone in Bone for each in _doubts(bones[bone], limits)]
    if doubts:
        return "low_agreement", f"the bones of the CT are not found in the MR ({'; '.join(doubts)})"
    for bone in Bone:
        if bones[bone].inside < limits.inside:
            return "partial_overlap", f"the MR shows {bones[bone].inside:.0%} of the {bone} that the CT shows"
    if not _is_knee(moved, limits):
        return "implausible_knee", (
            f"the tibia would have turned by {moved.flexion_degrees:.0f} and {moved.other_turn_degrees:.0f} "
            f"degrees and moved by {moved.shift_mm:.0f} mm against the femur: no knee does"
        )
    if any(each.agreeing < limits.agreeing and each.texture < limits.sure for each in bones.values()):
        return "unstable", "most starts end at other poses"
    if error > limits.error_mm:
        return "low_precision", f"the pose is known to {error:.1f} mm only"
    return "", ""


def _is_knee(moved: KneeMotion, limits: Limits) -> bool:
    return (
        abs(moved.flexion_degrees) <= limits.flexion_degrees
        and moved.other_turn_degrees <= limits.other_turn_degrees
        and moved.shift_mm <= limits.shift_mm
    )
