"""Contributions of the subregions: they add up, belong where they are put, and are the same every time."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from ctsma_node.analysis.bundle import Bundle, read_bundle
from ctsma_node.analysis.explain import compartments, explain
from ctsma_node.analysis.measure import classify
from ctsma_node.analysis.result import Compartment, OAClass, Parameter

F64 = npt.NDArray[np.float64]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """The default one: its aggregator is trained."""
    return read_bundle()


def without_normal_knees(bundle: Bundle) -> Bundle:
    """As bundles were before plans had them."""
    aggregator = bundle.plan.aggregator.model_copy(update={"normal_mean": None})
    return dataclasses.replace(bundle, plan=bundle.plan.model_copy(update={"aggregator": aggregator}))


def positions(bundle: Bundle) -> F64:
    """(200, 3) mm: the templates on bones of usual size, the tibia below the femur."""
    femur, tibia = (np.array(t) for t in (bundle.plan.femur_template, bundle.plan.tibia_template))
    size = np.array([40.0, 20.0, 30.0])
    return np.concatenate([femur * size, tibia * size + np.array([0.0, 45.0, 0.0])])


def values(bundle: Bundle, change: F64) -> F64:
    """(200, 4): the normal mean and on top of it `change`, in standard deviations."""
    plan = bundle.plan.aggregator
    return np.asarray(np.exp((np.array(plan.normal_mean) + change) * plan.log_sd + plan.log_mean))


def ill(bundle: Bundle, seed: int) -> F64:
    """A medial tibia with little bone, and noise everywhere."""
    change = np.random.default_rng(seed).normal(0.0, 0.7, (200, 4))
    medial_tibia = compartments(positions(bundle)) == list(Compartment).index(Compartment.MEDIAL_TIBIA)
    change[medial_tibia] += np.array([-2.5, -1.0, 0.5, -1.0])
    return values(bundle, change)


def odds(bundle: Bundle, of: F64) -> float:
    """Log-odds of osteoarthritis as the node computes them."""
    normal = classify(of, positions(bundle), bundle, CPU)[0][OAClass.NORMAL]
    return math.log((1.0 - normal) / normal)


@pytest.mark.parametrize("normal_knees", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_the_contributions_add_up_to_the_probability(bundle: Bundle, seed: int, normal_knees: bool) -> None:
    used = bundle if normal_knees else without_normal_knees(bundle)
    knee = ill(bundle, seed)
    explanation, shares = explain(knee, positions(bundle), used, CPU)
    reference = explanation.reference_probability
    difference = odds(bundle, knee) - math.log(reference / (1.0 - reference))
    assert np.abs(shares).sum() > 1.0
    assert shares.sum() == pytest.approx(difference, rel=0.02, abs=0.01)
    assert explanation.total == pytest.approx(shares.sum())
    assert sum(explanation.of(c) for c in Compartment) == pytest.approx(explanation.total)
    assert ("normal knees" in explanation.reference) == normal_knees


def test_the_reference_needs_no_explanation(bundle: Bundle) -> None:
    knee = values(bundle, np.zeros((200, 4)))
    explanation, shares = explain(knee, positions(bundle), bundle, CPU)
    assert np.abs(shares).max() < 1e-6
    assert explanation.reference_probability == pytest.approx(
        1 / (1 + math.exp(-odds(bundle, knee))), abs=1e-5
    )


def test_what_is_as_in_the_reference_contributes_nothing(bundle: Bundle) -> None:
    change = np.zeros((200, 4))
    change[137, 0] = -3.0
    explanation, shares = explain(values(bundle, change), positions(bundle), bundle, CPU)
    assert abs(shares[137, 0]) > 1e-4
    shares[137, 0] = 0.0
    assert np.abs(shares).max() < 1e-6
    (changed,) = [r for r in explanation.reasons if abs(r.contribution) > 1e-4]
    assert changed.parameter is Parameter.BVTV
    assert changed.ratio == pytest.approx(math.exp(-3.0 * bundle.plan.aggregator.log_sd[0]), rel=1e-3)


class Weighted(nn.Module):
    """Log-odds that are a weighted sum of the parameters, so that the contributions are known."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, parameters: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits: mild impossible, advanced by the sum."""
        total = (parameters * self.weights).sum(dim=(1, 2))
        logits = torch.stack([torch.zeros_like(total), torch.full_like(total, -1e6), total], dim=1)
        return logits, places.mean(dim=1)


def test_a_weighted_sum_is_explained_by_its_terms(bundle: Bundle) -> None:
    weights = torch.from_numpy(np.random.default_rng(5).normal(0, 0.01, (200, 4)).astype(np.float32))
    fake = dataclasses.replace(bundle, aggregator=Weighted(weights))  # type: ignore[arg-type]
    change = np.random.default_rng(6).normal(0, 1, (200, 4))
    _, shares = explain(values(bundle, change), positions(bundle), fake, CPU)
    expected = change * weights.numpy() / bundle.plan.aggregator.temperature
    np.testing.assert_allclose(shares, expected, atol=1e-6)


def test_the_same_knee_has_the_same_explanation_on_any_number_of_threads(bundle: Bundle) -> None:
    before, told = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 1):
            torch.set_num_threads(threads)
            explanation, shares = explain(ill(bundle, 9), positions(bundle), bundle, CPU)
            told.append((shares.tobytes(), explanation.reasons))
    finally:
        torch.set_num_threads(before)
    assert told[0] == told[1] == told[2]


def test_reasons_are_told_from_the_strongest_on(bundle: Bundle) -> None:
    explanation, _ = explain(ill(bundle, 2), positions(bundle), bundle, CPU)
    told = explanation.raising(3)
    assert len(told) == 3
    assert told[0].contribution >= told[1].contribution >= told[2].contribution > 0.0
    assert max(r.contribution for r in explanation.reasons) == told[0].contribution


def test_less_here_and_more_there_are_two_reasons(bundle: Bundle) -> None:
    """In one compartment, the first two subregions of the lateral tibia."""
    lateral = np.flatnonzero(compartments(positions(bundle)) == 3)
    change = np.zeros((200, 4))
    change[lateral[0], 1], change[lateral[1], 1] = -1.0, 2.0
    weights = torch.zeros(200, 4)
    weights[lateral[0], 1], weights[lateral[1], 1] = -0.3, 0.3
    fake = dataclasses.replace(bundle, aggregator=Weighted(weights))  # type: ignore[arg-type]
    explanation, _ = explain(values(bundle, change), positions(bundle), fake, CPU)
    more, less = explanation.raising(3)
    assert {(r.compartment, r.parameter) for r in (more, less)} == {
        (Compartment.LATERAL_TIBIA, Parameter.TBTH)
    }
    assert more.contribution == pytest.approx(2 * less.contribution, rel=1e-4)
    assert more.ratio > 1.0 > less.ratio


def test_the_halves_of_a_bone_are_parted_in_its_middle(bundle: Bundle) -> None:
    of, across = compartments(positions(bundle)), positions(bundle)[:, 0]
    assert set(of[:100]) == {0, 1}
    assert set(of[100:]) == {2, 3}
    assert across[:100][of[:100] == 0].max() < across[:100][of[:100] == 1].min()
    assert 30 <= int((of == 2).sum()) <= 70
