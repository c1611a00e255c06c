"""Counts by kind and exact intervals; what is planted differs from what is sound."""

from __future__ import annotations

import pytest

from trainer.evaluation.familiarity.answers import MARKED, PASSED, REFUSED, Answer
from trainer.evaluation.familiarity.planted import GOOD
from trainer.evaluation.familiarity.report import summary


def test_shares_are_of_the_good_and_of_the_planted_apart() -> None:
    good = [Answer(GOOD, n, PASSED) for n in range(19)] + [
        Answer(GOOD, 19, MARKED, "unfamiliar", 1.1, "noise")
    ]
    bad = [Answer("metal", n, REFUSED, "metal_implant") for n in range(3)] + [Answer("fracture", 3, PASSED)]
    figures = summary(good + bad)
    assert figures["kinds"]["metal"] == {REFUSED: 3, MARKED: 0, PASSED: 0, "why": {"metal_implant": 3}}
    assert figures["kinds"][GOOD]["why"] == {"unfamiliar (noise)": 1}
    share, low, high = figures["wrongly refused or marked"]
    assert share == pytest.approx(0.05)
    assert low == pytest.approx(0.00127, abs=1e-4)  # Clopper and Pearson of 1 in 20
    assert high == pytest.approx(0.2487, abs=1e-4)
    assert figures["wrongly refused"][0] == 0.0
    assert figures["planted, refused or marked"][0] == 0.75
