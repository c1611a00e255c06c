"""Aggregators learn what is planted, nothing from shuffled labels, and the same again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ctsma_node.errors import SettingsError
from tests.unit.trainer.aggregation.planted import MEDIAL_TIBIA, both_knees, planted_knees
from trainer.aggregation.errors import ErrorLaw
from trainer.aggregation.knees import Knees, together
from trainer.aggregation.models import Kind
from trainer.aggregation.temperature import cross_fitted
from trainer.aggregation.training import Training, fit_predict, predict, train
from trainer.evaluation.patients.figures import figures_of

SHORT = {Kind.TRANSFORMER: 60, Kind.CNN: 150, Kind.MLP: 100, Kind.SVM: 1}
LAW = ErrorLaw(np.zeros(4), np.ones(4), 0.001 * np.eye(4), 0.002 * np.eye(4))


def short(kind: Kind) -> Training:
    return Training(kind=kind, width=16, steps=SHORT[kind], batch=16, rate=3e-3)


def answered(kind: Kind, known: Knees, test: Knees) -> dict[str, float]:
    p, scores = fit_predict(known, LAW, test, short(kind))
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-6)
    return figures_of(p, scores, test)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_aggregator_learns_what_is_planted(kind: Kind) -> None:
    found = answered(kind, planted_knees(150), planted_knees(60, seed=1))
    assert found["auc"] > 0.9
    assert found["r2"] > 0.5


def test_shuffled_labels_teach_nothing() -> None:
    knees, rng = planted_knees(120), np.random.default_rng(3)
    test = planted_knees(200, seed=1)
    found = []
    for _ in range(4):
        order = rng.permutation(len(knees))
        shuffled = replace(knees, oa_class=knees.oa_class[order], cartilage=knees.cartilage[order])
        found.append(answered(Kind.SVM, shuffled, test)["auc"])
    assert 0.4 <= np.mean(found) <= 0.6


def test_drawn_knees_help_and_carry_the_errors_of_the_student() -> None:
    drawn = planted_knees(100, seed=2, measured=False)
    rng = np.random.default_rng(0)
    first, second = drawn.seen(LAW, rng), drawn.seen(LAW, rng)
    assert not np.allclose(first, second)
    measured = planted_knees(20)
    np.testing.assert_array_equal(measured.seen(LAW, rng), measured.parameters)
    both = together([drawn, measured])
    assert answered(Kind.MLP, both, planted_knees(60, seed=1))["auc"] > 0.9


def test_the_same_again() -> None:
    knees, test = planted_knees(40), planted_knees(10, seed=1)
    training = short(Kind.TRANSFORMER)
    once, again = (fit_predict(knees, None, test, training)[0] for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_it_is_calibrated_by_knees_that_it_was_not_trained_on() -> None:
    knees = planted_knees(50)
    trained = train(knees, LAW, short(Kind.MLP))
    assert len(trained.held) == 10
    assert trained.plan.temperature > 0.0
    assert all(error > 0.0 for error in trained.plan.score_error)


def test_its_calibration_error_is_not_of_knees_that_the_temperature_was_fitted_to() -> None:
    """Other labels of a half of the people leave that half's probabilities as they are."""
    rng = np.random.default_rng(0)
    logits, truth = (
        torch.from_numpy(rng.normal(0.0, 3.0, (40, 3))),
        torch.from_numpy(rng.integers(3, size=40)),
    )
    person = np.arange(40) % 20
    once = cross_fitted(logits, truth, person, seed=3)
    np.testing.assert_allclose(once.sum(axis=1), 1.0)
    half = np.isin(person, np.random.default_rng([3, 73]).permutation(20)[:10])
    other = truth.clone()
    other[half] = logits[half].argmax(dim=1)
    again = cross_fitted(logits, other, person, seed=3)
    np.testing.assert_array_equal(again[half], once[half])
    assert not np.allclose(again[~half], once[~half])


def test_the_temperature_of_one_person_says_nothing_of_others() -> None:
    found = cross_fitted(torch.zeros(2, 3), torch.zeros(2, dtype=torch.long), np.zeros(2, dtype=int), seed=3)
    assert np.isnan(found).all()


def test_training_gives_probabilities_that_its_calibration_is_judged_by() -> None:
    trained = train(planted_knees(50, effect=0.2), LAW, short(Kind.MLP))  # no temperature at its limit
    own, _ = predict(trained.network, trained.plan, trained.held)
    assert trained.cross_fitted.shape == own.shape
    assert not np.allclose(trained.cross_fitted, own)


def test_who_is_held_out_is_so_with_both_knees() -> None:
    trained = train(both_knees(planted_knees(25)), LAW, short(Kind.MLP))
    people, knees = np.unique([name[:-2] for name in trained.held.name.tolist()], return_counts=True)
    assert len(people) == 5
    assert (knees == 2).all()


def test_of_people_with_one_knee_the_same_ones_are_held_out_as_ever() -> None:
    knees = planted_knees(50)
    numbers = np.sort(np.random.default_rng([short(Kind.MLP).seed, 71]).permutation(50)[:10])
    assert train(knees, LAW, short(Kind.MLP)).held.name.tolist() == knees.name[numbers].tolist()


def test_one_person_is_too_few() -> None:
    with pytest.raises(SettingsError, match="one person"):
        train(both_knees(planted_knees(1)), LAW, short(Kind.MLP))


def test_the_plan_holds_the_mean_of_the_normal_knees() -> None:
    """Standardised; what is planted in the others is not in it."""
    knees = planted_knees(50)
    plan = train(knees, None, short(Kind.MLP)).plan
    mean = np.exp(np.array(plan.normal_mean) * plan.log_sd + plan.log_mean)
    assert mean.shape == (200, 4)
    assert mean[MEDIAL_TIBIA].mean(axis=0) == pytest.approx([0.2, 0.2, 0.7, 1.1], rel=0.05)
    assert train(knees.at(knees.oa_class > 0), None, short(Kind.MLP)).plan.normal_mean is None
