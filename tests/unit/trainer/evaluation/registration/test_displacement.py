from __future__ import annotations

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array, CTVolume
from tests.unit.trainer.registration.knees import Knee, ct_of, landmarks, moved
from trainer.evaluation.registration.displacement import displacement

COARSE = moved(Bone.TIBIA)
"""The tibia is laid over the CT's, so the ideal sCT shows it where the CT does."""


@pytest.fixture(scope="module")
def ct() -> CTVolume:
    knee = ct_of(Knee(1))
    return CTVolume(knee.hu, knee.affine)


def shifted(volume: CTVolume, by: Array) -> CTVolume:
    affine = volume.affine.copy()
    affine[:3, 3] += by
    return CTVolume(volume.hu, affine)


def errors(ct: CTVolume, sct: CTVolume) -> list[float]:
    """Of the tibia's landmarks; the femur's lie elsewhere by the flexion."""
    known = {bone: (landmarks(bone), np.array([])) for bone in Bone}
    known[Bone.TIBIA] = (landmarks(Bone.TIBIA), at_mr(landmarks(Bone.TIBIA)))
    known[Bone.FEMUR] = (np.zeros((0, 3)), np.zeros((0, 3)))
    truth = {bone: moved(bone) for bone in Bone}
    return displacement(ct, sct, COARSE, truth, known).errors_mm


def at_mr(points: Array) -> Array:
    return np.asarray(points @ COARSE[:3, :3].T + COARSE[:3, 3])


def test_a_synthesis_that_moves_nothing_has_no_error(ct: CTVolume) -> None:
    found = errors(ct, ct)
    assert len(found) >= 2  # the shafts reach out of the field
    assert max(found) < 0.05


def test_what_is_moved_is_measured(ct: CTVolume) -> None:
    by = np.array([3.0, -4.5, 1.5])
    found = errors(ct, shifted(ct, by))
    assert np.median(found) == pytest.approx(float(np.linalg.norm(by)), abs=0.3)


def test_other_grey_values_and_noise_do_not_matter(ct: CTVolume) -> None:
    noise = np.random.default_rng(0).normal(0.0, 80.0, ct.hu.shape)
    blurred = CTVolume((0.4 * ct.hu + 200.0 + noise).astype(np.float32), ct.affine)
    assert np.median(errors(ct, blurred)) <= 0.3


def test_landmarks_outside_the_sct_do_not_count(ct: CTVolume) -> None:
    far = shifted(ct, np.array([0.0, 0.0, 300.0]))
    assert errors(ct, far) == []
