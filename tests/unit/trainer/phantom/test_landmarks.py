from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.transform import Rotation

from ctsma_node.analysis.result import Bone, Side
from ctsma_node.volume import apply
from tests.unit.trainer.phantom.pairs import drawn, tiny
from trainer.phantom.knee import Knee
from trainer.phantom.landmarks import LANDMARKS, landmarks_of
from trainer.phantom.pair_record import write_pair_truth
from trainer.phantom.structure import Channel, Part

F64 = npt.NDArray[np.float64]


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("bone", list(Bone))
def test_landmarks_of_both_scans_are_related_by_the_bones_transform(side: Side, bone: Bone) -> None:
    subject = drawn(side)
    in_ct, in_mr = (landmarks_of(knee, bone) for knee in (subject.ct_knee, subject.mr_knee))
    assert set(in_ct) == set(LANDMARKS[bone])
    for name, point in in_ct.items():
        assert np.allclose(apply(subject.ct_to_mr(bone), point), in_mr[name], atol=1e-6)


@pytest.mark.parametrize("side", list(Side))
def test_landmarks_lie_on_the_bone_in_both_scans(side: Side) -> None:
    subject = drawn(side)
    for knee in (subject.ct_knee, subject.mr_knee):
        for bone in Bone:
            points = np.array(list(landmarks_of(knee, bone).values()))
            assert np.abs(_distance(knee, bone, points)).max() < 0.5


def test_landmarks_lie_where_their_names_say() -> None:
    subject = drawn(Side.LEFT)
    femur, tibia = (landmarks_of(subject.ct_knee, bone) for bone in Bone)
    # Of a left knee medial is towards the patient's right (smaller x); y is posterior, z superior.
    assert femur["medial epicondyle"][0] < femur["lateral epicondyle"][0]
    assert femur["intercondylar notch, roof"][2] > femur["medial condyle, distal"][2]
    assert tibia["medial plateau, posterior"][1] > tibia["medial plateau, anterior"][1]
    assert tibia["tuberosity"][2] < tibia["medial spine"][2] - 20.0
    points = np.stack([*femur.values(), *tibia.values()])
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1) + 1e3 * np.eye(len(points))
    assert apart.min() > 2.0


@pytest.mark.parametrize("side", list(Side))
def test_femur_and_tibia_move_as_two_rigid_bodies(side: Side) -> None:
    subject = drawn(side)
    femur, tibia = (subject.ct_to_mr(bone) for bone in Bone)
    for transform in (femur, tibia):
        turn = transform[:3, :3]
        assert np.allclose(turn @ turn.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(turn) == pytest.approx(1.0)
    between = Rotation.from_matrix((np.linalg.inv(femur) @ tibia)[:3, :3]).magnitude()
    assert 14.0 <= np.rad2deg(between) <= 31.0
    bent = subject.mr_knee.flexion - subject.ct_knee.flexion
    assert np.rad2deg(between) == pytest.approx(bent, abs=6.0)


def test_the_files_say_the_same(tmp_path: Path) -> None:
    subject = tiny(drawn())
    write_pair_truth(subject, tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    arrays = np.load(tmp_path / "truth.npz")
    for bone in Bone:
        transform = np.array(truth["ct_to_mr"][bone])
        for name, point in truth["landmarks"][bone]["ct"].items():
            assert np.allclose(apply(transform, point), truth["landmarks"][bone]["mr"][name], atol=1e-6)
        assert arrays[f"{bone}_centres"].shape == (100, 3)
        assert arrays[f"{bone}_parameters"].shape == (100, 4)
    assert arrays["mr_labels"].shape == (3, 32, 32)
    assert truth["person"]["side"] == "L"


def _distance(knee: Knee, bone: Bone, points: F64) -> F64:
    """Signed distance of LPS points to a bone's surface, mm."""
    part = Part(bone.value)
    own = apply(np.asarray(np.linalg.inv(knee.poses[part])), points)
    return np.asarray(knee.structures[part].at(own)[:, Channel.DISTANCE])
