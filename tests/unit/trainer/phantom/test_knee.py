from __future__ import annotations

import numpy as np
import pytest

from ctsma_node.analysis.result import CartilageRegion, OAClass, Side
from tests.unit.trainer.phantom.grids import axial_grid
from trainer.phantom.ct import label_on
from trainer.phantom.disease import GRADES
from trainer.phantom.joint import _gaps, _surface
from trainer.phantom.knee import draw_knee
from trainer.phantom.scene import Scene
from trainer.phantom.sdf import redistance
from trainer.phantom.structure import Channel, Part


def test_redistance_finds_the_distance_of_a_badly_scaled_sphere() -> None:
    step = 1.5
    index = np.moveaxis(np.mgrid[:40, :40, :40], 0, -1)[..., ::-1] * step
    true = (np.linalg.norm(index - 29.0, axis=-1) - 17.0).astype(np.float32)
    found = redistance(true * (2.0 + 0.02 * np.abs(true)), step)
    inside = np.linalg.norm(index - 29.0, axis=-1) > 3.0
    assert np.abs(found - true)[inside].max() < 1.2  # first order, far away
    assert np.abs(found - true)[np.abs(true) < 2.0].max() < 0.1


def test_same_seed_same_knee_other_seed_other_knee() -> None:
    first, again, other = draw_knee(5, Side.RIGHT), draw_knee(5, Side.RIGHT), draw_knee(6, Side.RIGHT)
    for part in Part:
        assert first.structures[part].maps.tobytes() == again.structures[part].maps.tobytes()
        assert np.array_equal(first.poses[part], again.poses[part])
    assert first.disease == again.disease
    assert first.structures[Part.FEMUR].maps.shape != other.structures[Part.FEMUR].maps.shape


def test_two_sides_of_a_seed_are_one_person() -> None:
    right, left = draw_knee(5, Side.RIGHT), draw_knee(5, Side.LEFT)
    assert right.anatomy.size == left.anatomy.size
    assert right.tissue.bvtv == left.tissue.bvtv
    assert right.posture != left.posture


@pytest.mark.parametrize("wanted", list(OAClass))
def test_class_grade_and_scores_agree(wanted: OAClass) -> None:
    knees = [draw_knee(seed, oa_class=wanted) for seed in range(60)]
    assert {knee.kl for knee in knees} == set(GRADES[wanted])
    for knee in knees:
        assert 0.0 <= knee.severity <= 1.0
        assert set(knee.cartilage) == set(CartilageRegion)
        assert all(0.0 <= score <= 6.0 for score in knee.cartilage.values())


def test_severity_rises_with_grade() -> None:
    severity = [np.mean([draw_knee(s, oa_class=c).severity for s in range(60)]) for c in OAClass]
    assert severity[0] + 0.15 < severity[1]
    assert severity[1] + 0.15 < severity[2]


@pytest.mark.parametrize("side", list(Side))
def test_poses_are_rigid_and_only_a_left_knee_is_mirrored(side: Side) -> None:
    for pose in draw_knee(8, side).poses.values():
        rotation = pose[:3, :3]
        assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-9)
        assert np.linalg.det(rotation) == pytest.approx(1.0 if side is Side.RIGHT else -1.0)


@pytest.mark.parametrize(("seed", "flexion"), [(11, 0.0), (12, 15.0)])
def test_the_joint_space_is_the_one_drawn(seed: int, flexion: float) -> None:
    knee = draw_knee(seed, Side.RIGHT, flexion=flexion)
    surface = _surface(knee.structures[Part.TIBIA], -14.0)
    relative = np.linalg.inv(knee.poses[Part.FEMUR]) @ knee.poses[Part.TIBIA]
    for side, wanted in zip((1.0, -1.0), knee.disease.joint_space, strict=True):
        compartment = surface[side * surface[:, 0] > 9.0]
        assert _gaps(knee.structures[Part.FEMUR], compartment, relative).min() == pytest.approx(
            wanted, abs=0.3
        )


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("seed", [1, 2])
def test_anatomy_stands_where_it_belongs(side: Side, seed: int) -> None:
    knee = draw_knee(seed, side)
    grid = (70, 70, 90)
    affine = axial_grid(np.zeros(3), grid, 2.0)
    labels = label_on(Scene(seed, (knee,), legs=(), couch_height=0.0), affine, grid)
    centre = {}
    for label in (1, 2, 3, 4):
        k, j, i = np.nonzero(labels == label)
        assert k.size > 100
        centre[label] = affine[:3, :3] @ [i.mean(), j.mean(), k.mean()] + affine[:3, 3]
    outwards = -1.0 if side is Side.RIGHT else 1.0
    assert outwards * (centre[4][0] - centre[2][0]) > 20.0  # fibula lateral of the tibia
    assert centre[4][1] > centre[2][1]  # and behind it
    assert centre[3][1] < centre[1][1] - 25.0  # patella in front of the femur
    assert centre[1][2] > centre[2][2]  # femur above the tibia
    tops = [np.nonzero((labels == label).any(axis=(1, 2)))[0].max() for label in (2, 4)]
    assert tops[1] < tops[0] - 3  # head of the fibula below the plateau


def test_trabecular_bone_thins_out_into_a_hollow_shaft(right: Scene) -> None:
    bone = right.knees[0].structures[Part.FEMUR]
    axis = np.array([[0.0, 0.0, 30.0], [0.0, -5.0, 140.0]]) * np.array(right.knees[0].anatomy.size)
    epiphysis, shaft = bone.at(axis)
    assert epiphysis[Channel.BVTV] > 0.08
    assert shaft[Channel.BVTV] < 0.01
    assert shaft[Channel.DISTANCE] < -6.0
