from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone
from tests.unit.trainer.registration.knees import JOINT, Knee, landmarks, moved, mr_of
from trainer.evaluation.registration.wrong_pairs import CROPS, cropped, mirrored
from trainer.mr import MRVolume
from trainer.registration.bonewise import KneePose, register
from trainer.registration.diagnosis import diagnosed
from trainer.registration.knee import CTKnee
from trainer.registration.quality import Limits, Quality, Verdict, judge, motion
from trainer.registration.rigid import distances, turned_about

LIMITS = Limits()


def verdict(knee: CTKnee, mr: MRVolume) -> Quality:
    pose = register(knee, mr)
    return diagnosed(judge(pose, LIMITS), pose, knee, mr, LIMITS)


def test_the_right_pair_is_registered_with_an_honest_error(pose: KneePose) -> None:
    quality = judge(pose, LIMITS)
    assert (quality.verdict, quality.code) == (Verdict.REGISTERED, "")
    for bone in Bone:
        true = distances(pose.bones[bone].transform, moved(bone), landmarks(bone)).mean()
        assert true < 3.0 * quality.bones[bone].error_mm
    assert quality.motion.flexion_degrees == pytest.approx(-22.0, abs=0.5)
    assert quality.motion.other_turn_degrees < 2.0


def test_another_patients_mr_is_refused(knee: CTKnee) -> None:
    quality = verdict(knee, mr_of(Knee(2)))
    assert quality.verdict is Verdict.NOT_REGISTERED
    assert quality.code == "other_patient"
    assert "texture" in quality.reason


def test_the_other_side_is_refused_by_name(knee: CTKnee, mr: MRVolume) -> None:
    assert verdict(knee, mirrored(mr)).code == "other_side"


@pytest.mark.parametrize("part", list(CROPS))
def test_half_an_mr_is_refused_by_name(knee: CTKnee, mr: MRVolume, part: str) -> None:
    assert verdict(knee, cropped(mr, *CROPS[part])).code == "partial_overlap"


def test_the_flexion_between_the_scans() -> None:
    femur = moved(Bone.FEMUR)
    tibia = turned_about(femur, np.array([-24.0, 0.0, 0.0]), JOINT)
    tibia[:3, 3] += [0.0, 3.0, 4.0]
    found = motion(femur, tibia, JOINT)
    assert found.flexion_degrees == pytest.approx(-24.0)
    assert found.other_turn_degrees == pytest.approx(0.0, abs=1e-6)
    assert found.shift_mm == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"texture": 0.1}, "low_agreement"),
        ({"information": 0.1}, "low_agreement"),
        ({"information": 0.3, "texture": 0.5}, "low_agreement"),
        ({"information": 0.3, "texture": 0.7}, ""),
        ({"inside": 0.6}, "partial_overlap"),
        ({"agreeing": 0, "texture": 0.5}, "unstable"),
        ({"halves_mm": 1.4}, "low_precision"),
    ],
)
def test_each_witness_can_refuse(pose: KneePose, change: dict[str, float], code: str) -> None:
    tibia = replace(pose.bones[Bone.TIBIA], **change)  # type: ignore[arg-type]
    worse = replace(pose, bones={**pose.bones, Bone.TIBIA: tibia})
    assert judge(worse, LIMITS).code == code


def test_bones_that_no_knee_joins_are_refused(pose: KneePose) -> None:
    turned = turned_about(pose.bones[Bone.TIBIA].transform, np.array([0.0, 0.0, 40.0]), JOINT)
    tibia = replace(pose.bones[Bone.TIBIA], transform=turned)
    assert judge(replace(pose, bones={**pose.bones, Bone.TIBIA: tibia}), LIMITS).code == "implausible_knee"


def test_masks_that_lie_apart_are_a_doubt(pose: KneePose) -> None:
    unsure = replace(pose.bones[Bone.TIBIA], texture=0.5)
    dim = replace(pose, bones={**pose.bones, Bone.TIBIA: unsure})
    apart = judge(dim, LIMITS, {Bone.FEMUR: 0.95, Bone.TIBIA: 0.3})
    assert apart.code == "low_agreement"
    assert "overlap" in apart.reason
    assert judge(dim, LIMITS, dict.fromkeys(Bone, 0.95)).code == ""
    assert judge(pose, LIMITS, {Bone.FEMUR: 0.95, Bone.TIBIA: 0.3}).code == "", "the texture is sure"
