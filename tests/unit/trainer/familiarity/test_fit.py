"""Few knees of training are marked, a fault in any trait is found in that trait, and a far one is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ctsma_node.analysis import familiarity
from ctsma_node.analysis.familiarity import COLUMNS, Look, Reference, distances, judge, marks
from ctsma_node.analysis.plan import MEASURES, FamiliarityPlan
from ctsma_node.analysis.result import Trait
from ctsma_node.errors import Refused
from tests.unit.trainer.familiarity.planted_looks import planted_knees, planted_look
from trainer.familiarity.fit import fit, left_out, limits_of, quantile
from trainer.familiarity.stage import read_familiarity


@pytest.fixture(scope="module")
def fitted() -> tuple[FamiliarityPlan, Reference]:
    knees = planted_knees(150)
    return limits_of(left_out(knees, 5)), fit(knees)


def test_few_knees_like_those_of_training_are_marked(fitted: tuple[FamiliarityPlan, Reference]) -> None:
    plan, reference = fitted
    scores = [judge(distances(planted_look(9000 + n), reference), plan.limits).score for n in range(60)]
    assert np.mean(np.array(scores) >= plan.mark_at) < 0.1
    assert max(scores) < plan.refuse_at
    assert plan.knees == 150


def noisy(look: Look) -> Look:
    return replace(look, context=look.context + 1.5)


def dense(look: Look) -> Look:
    features = look.features.copy()
    features[:, COLUMNS.index("mean")] += 3.0
    return replace(look, features=features)


def broken(look: Look) -> Look:
    features = look.features.copy()
    features[20:32] += np.resize([4.0, -4.0], len(COLUMNS))
    return replace(look, features=features)


def bent(look: Look) -> Look:
    positions = look.positions.copy()
    positions[100:, 0] += 25.0
    return replace(look, positions=positions)


@pytest.mark.parametrize(
    ("fault", "trait"),
    [(noisy, Trait.NOISE), (dense, Trait.DENSITY), (broken, Trait.LOCAL), (bent, Trait.SHAPE)],
    ids=["noisy", "dense", "broken", "bent"],
)
def test_a_fault_is_found_in_its_trait(
    fitted: tuple[FamiliarityPlan, Reference], fault: type[Look], trait: Trait
) -> None:
    plan, reference = fitted
    found = judge(distances(fault(planted_look(9100)), reference), plan.limits)  # type: ignore[call-arg, arg-type]
    assert found.trait is trait
    assert found.score > plan.mark_at


def test_a_score_passes_is_marked_or_is_refused(fitted: tuple[FamiliarityPlan, Reference]) -> None:
    plan = fitted[0].model_copy(update={"mark_at": 1.0, "refuse_at": 2.0})
    found = judge(dict.fromkeys(MEASURES, 1.0), dict.fromkeys(MEASURES, 1.0))
    assert marks(replace(found, score=0.9), plan, refuse=True) == ()
    (mark,) = marks(replace(found, score=1.2, trait=Trait.LOCAL), plan, refuse=True)
    assert mark.code == "unfamiliar"
    assert familiarity.WORDS[Trait.LOCAL] in mark.text
    with pytest.raises(Refused, match=r"out_of_distribution.*noise") as refused:
        marks(replace(found, score=2.1, trait=Trait.NOISE), plan, refuse=True)
    (mark,) = marks(replace(found, score=2.1, trait=Trait.NOISE), plan, refuse=False)
    assert mark.code == "unfamiliar"
    assert refused.value.code == "out_of_distribution"


def test_what_is_missing_is_not_compared(fitted: tuple[FamiliarityPlan, Reference]) -> None:
    look = planted_look(9200)
    features, positions = look.features.copy(), look.positions.copy()
    features[:30], positions[5:15] = np.nan, np.nan
    found = judge(
        distances(replace(look, features=features, positions=positions), fitted[1]), fitted[0].limits
    )
    assert np.isfinite(found.score)
    features[:90] = np.nan
    with pytest.raises(Refused, match="bones_not_credible"):
        distances(replace(look, features=features), fitted[1])


def test_the_looks_of_one_knee_weigh_as_one() -> None:
    knees = [*planted_knees(5), replace(planted_knees(6)[5], looks=tuple(planted_look(n) for n in range(3)))]
    judged = left_out(knees, 3)
    assert len(judged.far) == 8
    assert judged.weights.sum() == pytest.approx(6.0)


def test_a_quantile_counts_weights() -> None:
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 8.0])
    assert quantile(values, weights, 0.05) == 1.0
    assert quantile(values, weights, 0.85) == 2.0
    assert quantile(values, weights, 1.0) == 3.0


def test_a_folder_without_the_stage_has_none(tmp_path: Path) -> None:
    assert read_familiarity(tmp_path) is None
