"""The shapes of bones: whole at the extremes, different from person to person, and shaped like knees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from ctsma_node.analysis.result import OAClass, Side
from trainer.phantom.bones import SHAFT_END, Anatomy, build_structures
from trainer.phantom.deformation import Deformation, undeformed
from trainer.phantom.disease import draw_disease
from trainer.phantom.femur import draw_femur_form
from trainer.phantom.fibula import draw_fibula_form
from trainer.phantom.knee import Knee, draw_knee
from trainer.phantom.patella import draw_patella_form
from trainer.phantom.structure import Channel, Part
from trainer.phantom.tibia import draw_tibia_form
from trainer.phantom.tissue import draw_tissue

F64 = npt.NDArray[np.float64]


class Extreme(np.random.Generator):
    """Draws that all lie far to one side."""

    def standard_normal(self, *_: object, **__: object) -> float:  # type: ignore[override]
        return 9.0


def broad(seed: int) -> Anatomy:
    """Every proportion at its largest, deformed and rough as much as any."""
    rng = Extreme(np.random.PCG64(seed))
    return Anatomy(
        femur=draw_femur_form(rng),
        tibia=draw_tibia_form(rng),
        patella=draw_patella_form(rng),
        fibula=draw_fibula_form(rng),
        deformation=Deformation(2.4, seed),
        size=(1.0, 1.0, 1.0),
        roughness=1.5,
        seed=seed,
    )


def test_no_bone_is_cut_by_the_edge_of_its_map() -> None:
    rng = np.random.default_rng(1)
    disease = replace(draw_disease(rng, OAClass.ADVANCED), osteophytes=6.5)
    for part, bone in build_structures(broad(1), draw_tissue(rng, rng), disease).items():
        distance = bone.maps[..., Channel.DISTANCE]
        for axis in range(3):
            for end in (0, 1):
                if axis > 0 or SHAFT_END.get(part) != end:
                    face = np.take(distance, -end, axis=axis)
                    assert face.min() > 1.0, (part, axis, end)


@pytest.fixture(scope="module")
def knees() -> list[Knee]:
    return [draw_knee(seed, oa_class=OAClass.NORMAL, flexion=2.0) for seed in (31, 32, 33)]


def surface(knee: Knee, part: Part) -> F64:
    """Samples near a bone's surface, mm for a knee of middle size."""
    bone = knee.structures[part]
    k, j, i = np.nonzero(np.abs(bone.maps[..., Channel.DISTANCE]) < 0.9)
    points = bone.origin + bone.step * np.stack([i, j, k], axis=1)
    return np.asarray(points / np.array(knee.anatomy.size))


def test_people_are_deformed_smoothly_by_a_few_mm() -> None:
    points = np.random.default_rng(0).uniform(-60.0, 60.0, (4000, 3)).astype(np.float32)
    deformation = Deformation(2.0, 5)
    moved = undeformed(points, deformation, Part.FEMUR) - points
    assert 1.2 < moved.std(axis=0).mean() < 2.8
    near = undeformed(points + np.float32(1.0), deformation, Part.FEMUR) - points - 1.0
    assert np.abs(near - moved).max() < 1.0  # nothing folds
    other = undeformed(points, deformation, Part.TIBIA) - points
    assert abs(np.corrcoef(other[:, 0], moved[:, 0])[0, 1]) < 0.9


def test_a_deformation_is_the_persons_and_not_the_scans(knees: list[Knee]) -> None:
    assert len({knee.anatomy.deformation for knee in knees}) == 3
    left, right = (draw_knee(31, side).anatomy for side in Side)
    assert left.deformation == right.deformation
    assert left.femur.medial == right.femur.medial


def test_spines_of_the_tibia_are_ridges(knees: list[Knee]) -> None:
    for knee in knees:
        points = surface(knee, Part.TIBIA)
        points = points[np.abs(points[:, 0]) < 12.0]
        crest = points[points[:, 2] > points[:, 2].max() - 3.0]
        assert np.ptp(crest[:, 1]) > 9.0


def test_the_tibia_is_wide_below_the_middle_of_its_compartment(knees: list[Knee]) -> None:
    for knee in knees:
        points = surface(knee, Part.TIBIA)
        sagittal = points[np.abs(points[:, 0] - 20.0) < 1.0]
        assert sagittal[:, 2].min() < -50.0


def test_the_patella_rides_in_the_groove(knees: list[Knee]) -> None:
    for knee in knees:
        to_femur = np.linalg.inv(knee.poses[Part.FEMUR]) @ knee.poses[Part.PATELLA]
        own = surface(knee, Part.PATELLA).mean(axis=0) * np.array(knee.anatomy.size)
        x = (to_femur @ [*own, 1.0])[0]
        assert abs(x - knee.anatomy.femur.groove_side) < 6.0
