from __future__ import annotations

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array
from tests.unit.trainer.registration.knees import Knee, ct_of, landmarks, moved, mr_of
from tests.unit.trainer.synthesis.perfect import Bones, Perfect, warped
from trainer.registration.rigid import distances, mean_rigid
from trainer.synthesis import refined
from trainer.synthesis.refined import ByWayOfCT, register_by_sct


@pytest.fixture(scope="module")
def coarse() -> Array:
    points = np.concatenate([landmarks(bone) for bone in Bone])
    return mean_rigid(moved(Bone.FEMUR), moved(Bone.TIBIA), points)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, coarse: Array) -> ByWayOfCT:
    knee = ct_of(Knee(1))
    labels = warped(knee.labels, knee.affine, coarse)
    monkeypatch.setattr("trainer.synthesis.refined.bones.segment", lambda *_: labels)

    return register_by_sct(knee, mr_of(Knee(1)), coarse, Perfect(), Bones())  # type: ignore[arg-type]


def test_bone_by_bone_is_nearer_than_one_motion(found: ByWayOfCT) -> None:
    def error(transform: Array, bone: Bone) -> float:
        return float(distances(transform, moved(bone), landmarks(bone)).mean())

    for bone in Bone:
        assert error(found.bones[bone], bone) < 1.0
    assert np.mean([error(found.whole, bone) for bone in Bone]) > 2.0


def test_the_masks_lie_on_one_another(found: ByWayOfCT) -> None:
    assert min(found.overlap.values()) > 0.9


def test_a_bone_the_sct_does_not_show_keeps_the_whole_knees_motion(
    monkeypatch: pytest.MonkeyPatch, coarse: Array
) -> None:
    knee = ct_of(Knee(1))
    start = np.eye(4)
    nothing = np.zeros_like(knee.labels)
    np.testing.assert_array_equal(refined._bone(knee, knee.hu, nothing, Bone.FEMUR, start), start)
