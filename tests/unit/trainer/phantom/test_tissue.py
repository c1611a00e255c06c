"""Tissue of healthy knees beside published ones: benchmarks/results/realism names the sources."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone, CartilageRegion, OAClass
from tests.unit.trainer.phantom.grids import axial_grid
from tests.unit.trainer.phantom.pairs import person
from trainer.evaluation.realism.structure_figures import columns
from trainer.phantom.ct import label_on, render_on
from trainer.phantom.difficulty import DIFFICULTIES
from trainer.phantom.disease import HEALTHY_SPACE, draw_disease
from trainer.phantom.knee import draw_knee
from trainer.phantom.leg import draw_leg_form
from trainer.phantom.person import Person
from trainer.phantom.scene import Scene, draw_scene
from trainer.phantom.structure import Part
from trainer.phantom.subject import draw_subject

Figures = dict[str, float]


@pytest.fixture(scope="module")
def healthy() -> Figures:
    """Means over healthy knees."""
    drawn = []
    for seed in range(40, 44):
        knee = draw_knee(seed, oa_class=OAClass.NORMAL, flexion=2.0)
        drawn.append(columns(knee, Bone.FEMUR) | columns(knee, Bone.TIBIA))
    return {name: float(np.mean([one[name] for one in drawn])) for name in drawn[0]}


def both(figures: Figures, name: str, where: str = "") -> float:
    """Mean of the two compartments."""
    return float(np.mean([figures[f"{name} {side}{where}"] for side in ("medial", "lateral")]))


def first_6_mm(figures: Figures, name: str) -> float:
    return 0.5 * (both(figures, name, " 0-3 mm") + both(figures, name, " 3-6 mm"))


def test_the_plate_is_thin(healthy: Figures) -> None:
    assert 0.26 < both(healthy, "plate thickness tibia") < 0.50


def test_the_tibia_is_denser_than_the_femur_below_the_joint(healthy: Figures) -> None:
    assert first_6_mm(healthy, "BV/TV tibia") > first_6_mm(healthy, "BV/TV femur")
    assert first_6_mm(healthy, "Tb.Th tibia") > first_6_mm(healthy, "Tb.Th femur")
    assert 0.18 < first_6_mm(healthy, "BV/TV tibia") < 0.37


def test_bone_is_sparse_far_from_the_joint(healthy: Figures) -> None:
    for bone in Bone:
        deep = both(healthy, f"BV/TV {bone}", " 10-15 mm")
        assert 0.14 < deep < both(healthy, f"BV/TV {bone}", " 0-3 mm") - 0.04
        assert deep < 0.26


def test_cartilage_of_the_tibia_is_thin(healthy: Figures) -> None:
    assert 1.19 < both(healthy, "cartilage thickness tibia") < 1.6


def test_mild_disease_has_lost_bone_and_not_yet_hardened() -> None:
    rng = np.random.default_rng(3)
    mild, advanced = (
        [draw_disease(rng, oa_class) for _ in range(300)] for oa_class in (OAClass.MILD, OAClass.ADVANCED)
    )
    worst = [float(np.mean([max(d.sclerosis) for d in group])) for group in (mild, advanced)]
    assert worst[0] < 0.045
    assert worst[1] > 0.09
    assert np.mean([d.rarefaction for d in mild]) > 0.08


def test_men_have_wider_joints() -> None:
    rng = np.random.default_rng(4)
    found = {}
    for sex in ("F", "M"):
        drawn = [draw_disease(rng, OAClass.NORMAL, healthy_space=HEALTHY_SPACE[sex]) for _ in range(300)]
        found[sex] = np.mean([d.joint_space for d in drawn])
    assert found["F"] == pytest.approx(4.8, abs=0.25)
    assert found["M"] == pytest.approx(5.7, abs=0.25)


def test_no_score_is_minus_zero() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        scores = draw_disease(rng, OAClass.NORMAL).cartilage
        assert set(scores) == set(CartilageRegion)
        assert not any(np.signbit(score) for score in scores.values())


def test_fat_and_muscle_differ_from_person_to_person() -> None:
    forms = [draw_leg_form(np.random.default_rng(seed)) for seed in range(200)]
    assert np.std([form.fat_hu for form in forms]) == pytest.approx(6.0, abs=1.2)
    assert np.std([form.muscle_hu for form in forms]) == pytest.approx(5.0, abs=1.0)
    young, old = (muscle(replace(person(), age=age, bmi=bmi)) for age, bmi in ((30, 20.0), (80, 33.0)))
    assert young > old + 8.0


def muscle(who: Person) -> float:
    return draw_subject(who, 77, DIFFICULTIES["standard"]).ct.legs[0].muscle_hu


def test_muscle_is_streaked_and_menisci_lie_between_the_bones() -> None:
    scene = draw_scene(3, oa_class=OAClass.NORMAL, flexion=3.0)
    knee = scene.knees[0]
    rim = knee.poses[Part.TIBIA] @ [0.85 * 37.0 * knee.anatomy.size[0], 4.0, 0.0, 1.0]
    size = (40, 60, 20)
    affine = axial_grid(rim[:3], size, 0.8)
    hu, labels = render_on(scene, affine, size).hu, label_on(scene, affine, size)
    assert ((hu > 80.0) & (hu < 93.0) & (labels == 0)).sum() > 150
    calf = axial_grid(knee.placement[:3, 3] + [0.0, 45.0, -90.0], (40, 20, 20), 1.0)
    streaked = render_on(scene, calf, (40, 20, 20)).hu
    even = render_on(without_mottling(scene), calf, (40, 20, 20)).hu
    inside = np.abs(even - scene.legs[0].muscle_hu) < 3.0
    assert inside.sum() > 1000
    assert 2.0 < (streaked - even)[inside].std() < 20.0
    assert (streaked - even)[inside].mean() < 0.0


def without_mottling(scene: Scene) -> Scene:
    """The same scene, its tissues even."""
    from trainer.phantom.solid import Mottling

    out = replace(scene)
    out.__dict__["layers"] = tuple(replace(layers, mottling=Mottling()) for layers in scene.layers)
    return out
