from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pingouin
import pytest

from trainer.evaluation.icc import agreement, icc21, icc31, sums, within


def correlated(seed: int, n: int = 300, bias: float = 0.0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    label = 100.0 + rng.normal(size=(n, 4)) * (1.0, 0.1, 0.5, 3.0)
    return label + rng.normal(size=(n, 4)) * (0.5, 0.2, 0.1, 3.0) + bias, label


def with_pingouin(estimate: Any, label: Any, kind: str) -> float:
    n = len(estimate)
    table = pd.DataFrame(
        {
            "target": np.tile(np.arange(n), 2),
            "rater": np.repeat(["estimate", "label"], n),
            "value": np.concatenate([estimate, label]),
        }
    )
    result = pingouin.intraclass_corr(table, targets="target", raters="rater", ratings="value")
    return float(result.set_index("Type").loc[kind, "ICC"])


@pytest.mark.parametrize("bias", [0.0, 0.7])
def test_both_forms_are_pingouins(bias: float) -> None:
    estimate, label = correlated(1, bias=bias)
    for c in range(4):
        assert icc21(estimate, label)[c] == pytest.approx(
            with_pingouin(estimate[:, c], label[:, c], "ICC(A,1)")
        )
        assert icc31(estimate, label)[c] == pytest.approx(
            with_pingouin(estimate[:, c], label[:, c], "ICC(C,1)")
        )


def test_shrout_and_fleiss_1979() -> None:
    # Their Table 2, judges 1 and 4 of the four: computed by hand from the two-way analysis of variance.
    first, fourth = np.array([[9.0, 6, 8, 7, 10, 6]]).T, np.array([[8.0, 2, 6, 1, 6, 7]]).T
    rows, columns = (first + fourth) / 2, np.array([first.mean(), fourth.mean()])
    grand = columns.mean()
    subjects = 2 * ((rows - grand) ** 2).sum() / 5
    raters = 6 * ((columns - grand) ** 2).sum()
    total = ((first - grand) ** 2).sum() + ((fourth - grand) ** 2).sum()
    error = (total - 5 * subjects - raters) / 5
    expected = (subjects - error) / (subjects + error + 2 * (raters - error) / 6)
    assert icc21(first, fourth)[0] == pytest.approx(expected)


def test_a_bias_lowers_agreement_and_not_consistency() -> None:
    estimate, label = correlated(2)
    biased = estimate + 0.5 * label.std(axis=0)
    np.testing.assert_allclose(icc31(biased, label), icc31(estimate, label))
    assert (icc21(biased, label) < icc21(estimate, label) - 0.02).all()


def test_a_known_icc_is_found() -> None:
    rng = np.random.default_rng(3)
    common = rng.normal(size=(20_000, 1))
    first, second = (common + rng.normal(size=common.shape) / np.sqrt(3.0) for _ in range(2))
    assert icc21(first, second)[0] == pytest.approx(1.0 / (1.0 + 1.0 / 3.0), abs=0.01)


def test_sums_of_groups_add_up() -> None:
    estimate, label = correlated(4)
    group = np.repeat([f"P{n:02d}" for n in range(10)], 30)
    found = sums(estimate, label, group)
    np.testing.assert_allclose(agreement(found.total()), icc21(estimate, label))
    twice = np.ones(10)
    twice[3] = 2.0
    rows = np.concatenate([np.arange(300), np.flatnonzero(group == "P03")])
    np.testing.assert_allclose(agreement(found.weighted(twice)), icc21(estimate[rows], label[rows]))


def test_what_only_tells_patients_apart_agrees_with_nothing_within_them() -> None:
    rng = np.random.default_rng(5)
    patient = np.repeat(np.arange(40), 100)
    level = rng.normal(size=(40, 1))[patient]
    place = rng.normal(size=(4000, 1))
    knows_patients = sums(level + rng.normal(size=place.shape), level + place, patient)
    knows_places = sums(place + rng.normal(size=(40, 1))[patient], level + place, patient)
    assert abs(agreement(within(knows_patients).total())[0]) < 0.05
    assert agreement(within(knows_places).total())[0] == pytest.approx(1.0)
    assert agreement(knows_patients.total())[0] > 0.3


def test_one_patch_has_no_icc() -> None:
    assert np.isnan(icc21(np.ones((1, 4)), np.ones((1, 4)))).all()
