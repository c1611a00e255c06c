from __future__ import annotations

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array, CTVolume, apply
from tests.unit.trainer.registration.knees import Knee, ct_of, landmarks, moved, mr_of
from trainer.mr import MRVolume
from trainer.registration.rigid import distances, mean_rigid
from trainer.synthesis import refined
from trainer.synthesis.refined import ByWayOfCT, register_by_sct
from trainer.synthesis.synthesise import Synthesiser


class Perfect(Synthesiser):
    """Shows each bone of the CT as the MR has it, with no network at all."""

    def __init__(self) -> None:
        pass

    def volume(self, mr: MRVolume, ct_to_mr: Array, centre: Array) -> CTVolume:
        knee = ct_of(Knee(1))
        return CTVolume(_warped(knee.hu, knee.affine, ct_to_mr), knee.affine)


def _warped(values: np.ndarray, affine: Array, coarse: Array) -> np.ndarray:
    """Femur above the joint, tibia below it."""
    from scipy import ndimage

    k, j, i = np.indices(values.shape).reshape(3, -1)
    lps = apply(affine, np.stack([i, j, k], axis=1))
    out = np.zeros(len(lps), dtype=values.dtype)
    at_mr = apply(coarse, lps)
    for bone, upper in ((Bone.FEMUR, True), (Bone.TIBIA, False)):
        own = apply(np.asarray(np.linalg.inv(moved(bone))), at_mr)
        index = apply(np.asarray(np.linalg.inv(affine)), own).T[::-1]
        order = 0 if values.dtype == np.uint8 else 1
        sampled = ndimage.map_coordinates(values, index, order=order, mode="nearest")
        half = (own[:, 2] > -30.0) == upper
        out[half] = sampled[half]
    return out.reshape(values.shape)


@pytest.fixture(scope="module")
def coarse() -> Array:
    points = np.concatenate([landmarks(bone) for bone in Bone])
    return mean_rigid(moved(Bone.FEMUR), moved(Bone.TIBIA), points)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, coarse: Array) -> ByWayOfCT:
    knee = ct_of(Knee(1))
    labels = _warped(knee.labels, knee.affine, coarse)
    monkeypatch.setattr("trainer.synthesis.refined.bones.segment", lambda *_: labels)

    class Analyser:
        bundle = type("Bundle", (), {"segmenter": None})
        device = "cpu"

    return register_by_sct(knee, mr_of(Knee(1)), coarse, Perfect(), Analyser())  # type: ignore[arg-type]


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
