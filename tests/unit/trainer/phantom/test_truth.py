from __future__ import annotations

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone, OAClass
from trainer.phantom.knee import draw_knee
from trainer.phantom.record import lattice
from trainer.phantom.scene import Scene
from trainer.phantom.structure import Part
from trainer.phantom.truth import parameters_at, patch_parameters


@pytest.mark.parametrize("bone", list(Bone))
def test_parameters_are_in_the_ranges_of_the_knee(both: Scene, bone: Bone) -> None:
    for knee in both.knees:
        values = patch_parameters(knee, bone, lattice(knee, bone))
        values = values[np.isfinite(values).all(axis=1)]
        assert len(values) > 200
        low, high = np.percentile(values, [5, 95], axis=0)
        assert np.all(low > [0.05, 0.10, 0.35, 0.7])
        assert np.all(high < [0.55, 0.45, 1.20, 1.8])
        assert np.all(values.std(axis=0) > [0.015, 0.008, 0.02, 0.02])  # a map, not a constant


def test_outside_the_trabecular_part_there_is_no_answer(right: Scene) -> None:
    knee = right.knees[0]
    pose = knee.poses[Part.FEMUR]
    outside = pose @ [0.0, 200.0, 30.0, 1.0]
    assert np.isnan(parameters_at(knee, Bone.FEMUR, outside[None, :3])).all()
    assert np.isnan(patch_parameters(knee, Bone.FEMUR, outside[None, :3])).all()


def test_a_small_patch_is_its_centre(right: Scene) -> None:
    knee = right.knees[0]
    points = lattice(knee, Bone.TIBIA)[::7]
    at = parameters_at(knee, Bone.TIBIA, points)
    tiny = patch_parameters(knee, Bone.TIBIA, points, (0.01, 0.01, 0.01))
    ok = np.isfinite(at).all(axis=1) & (at[:, 0] > 0.05)
    assert np.allclose(tiny[ok], at[ok], rtol=1e-2)


def test_a_patch_is_measured_in_the_patients_axes(right: Scene) -> None:
    """A patch long in z differs from one long in y: the axes are not mixed up."""
    knee = right.knees[0]
    top = knee.poses[Part.TIBIA] @ [20.0, 4.0, -12.0, 1.0]
    deep = top[None, :3] - [0.0, 0.0, 15.0]
    along_z = patch_parameters(knee, Bone.TIBIA, deep, (2.0, 40.0, 2.0))
    from_points = parameters_at(
        knee, Bone.TIBIA, deep + np.outer((np.arange(4) + 0.5) / 6 - 0.5, [0, 0, 40.0])
    )
    assert along_z[0, 0] == pytest.approx(np.nanmean(from_points[:, 0]), rel=0.1)


def test_disease_thickens_the_bone_under_the_plate() -> None:
    depth = []
    for wanted in (OAClass.NORMAL, OAClass.ADVANCED):
        found = []
        for seed in range(4):
            knee = draw_knee(seed, oa_class=wanted)
            pose = knee.poses[Part.TIBIA]
            under = np.array([[x, y, -9.0, 1.0] for x in (14, 20, 26) for y in (-4, 4, 12)]) @ pose.T
            found.append(np.nanmean(parameters_at(knee, Bone.TIBIA, under[:, :3])[:, 0]))
        depth.append(np.mean(found))
    assert depth[1] > depth[0] + 0.02
