from __future__ import annotations

import numpy as np

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import apply
from tests.unit.trainer.registration.knees import moved
from trainer.mr import MRVolume
from trainer.registration.joint_field import joint_field
from trainer.registration.knee import CTKnee


def test_bones_move_rigidly_and_the_tissue_between_them_without_a_fold(knee: CTKnee) -> None:
    field = joint_field(knee, {bone: moved(bone) for bone in Bone}).points
    for bone in Bone:
        k, j, i = np.nonzero(knee.mask(bone))
        lps = apply(knee.affine, np.stack([i, j, k], axis=1))
        np.testing.assert_allclose(field[k, j, i], apply(moved(bone), lps), atol=2e-3)
    steps = np.stack(np.gradient(field[::3, ::3, ::3].astype(np.float64), axis=(0, 1, 2)), axis=-1)
    stretch = np.abs(np.linalg.det(steps)) / (27 * 0.977 * 0.977)
    near = np.zeros(knee.labels.shape, dtype=bool)
    near[10:-10, 25:-25, 25:-25] = True
    assert stretch[near[::3, ::3, ::3]].min() > 0.2


def test_equal_motions_resample_as_one(knee: CTKnee, mr: MRVolume) -> None:
    field = joint_field(knee, dict.fromkeys(Bone, moved(Bone.FEMUR)))
    values = field.resample(mr)
    femur = knee.mask(Bone.FEMUR)
    # Marrow is bright in the MR and dense bone bright in the CT.
    inner = femur & (knee.hu < 700.0)
    assert 500.0 < values[inner].mean() < 900.0
    assert np.corrcoef(values[inner], knee.hu[inner])[0, 1] < -0.4
