"""The preprint's aggregator is no surer of itself for having seen both knees of each person."""

from __future__ import annotations

import numpy as np

from tests.unit.trainer.aggregation.planted import both_knees, planted_knees
from trainer.aggregation.svm import svm

NOTHING = planted_knees(60, effect=0.0)
"""Knees that do not show their class."""


def test_a_knee_does_not_vouch_for_the_other_one_of_its_person() -> None:
    test = planted_knees(60, seed=1, effect=0.0)
    one, both = (svm(knees, None, test, seed=3)[0] for knees in (NOTHING, both_knees(NOTHING)))
    assert one.max(axis=1).mean() < 0.5
    assert both.max(axis=1).mean() < 0.5


def test_a_class_of_one_person_calibrates_nothing() -> None:
    knees = both_knees(NOTHING.at(np.flatnonzero(NOTHING.oa_class < 2)[:8]))
    knees.oa_class[[0, 8]] = 2
    p, _ = svm(knees, None, NOTHING, seed=3)
    shares = np.bincount(knees.oa_class, minlength=3) / len(knees)
    np.testing.assert_allclose(p, np.broadcast_to(shares, p.shape))
