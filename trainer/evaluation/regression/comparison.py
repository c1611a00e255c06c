"""Two methods on the same patches: paired t-tests, and the difference of their ICC with its interval.

Over folds, as the paper: five pairs of overall ICC, whose trainings share patients, so that p is too small
(Nadeau and Bengio 2003). Over patients: each one's mean absolute error, in SDs of the label so that the
parameters can be averaged; many pairs, and no patient counts more for having more patches.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats

from trainer.evaluation.icc import F64, agreement, by_group, sums
from trainer.evaluation.regression.bootstrap import draws, interval, means
from trainer.evaluation.regression.predictions import Predictions, check_same_patches
from trainer.evaluation.regression.table5 import ROWS, fold_iccs, with_overall


def comparisons(methods: dict[str, Predictions], times: int, seed: int) -> list[dict[str, Any]]:
    """Every two methods, with Holm's p over all of them for the overall test over patients.

    A positive difference says that the first is better. Raises SettingsError where patches differ.
    """
    found = [
        {"first": first, "second": second, **compare(methods[first], methods[second], times, seed)}
        for first, second in combinations(methods, 2)
    ]
    adjusted = holm([each["patients"][ROWS[-1]]["p"] for each in found])
    for each, p in zip(found, adjusted, strict=True):
        each["patients"][ROWS[-1]]["p_holm"] = p
    return found


def compare(first: Predictions, second: Predictions, times: int, seed: int) -> dict[str, Any]:
    """Figures of each of ROWS: `folds`, `patients` (difference, t, p) and `icc21` (difference, low, high)."""
    check_same_patches(first, second)
    sum_first, sum_second = (sums(each.estimate, each.label, each.patient) for each in (first, second))
    weights = draws(len(sum_first.count), times, seed)
    drawn = [with_overall(agreement(each.weighted(weights))) for each in (sum_first, sum_second)]
    whole = [with_overall(agreement(each.total())) for each in (sum_first, sum_second)]
    low, high = interval(drawn[0] - drawn[1])
    errors = patient_errors(second) - patient_errors(first)
    worse = interval(means(errors, weights))
    return {
        "folds": _tested(fold_iccs(first) - fold_iccs(second)),
        "patients": {
            row: {**test, "low": float(worse[0][c]), "high": float(worse[1][c])}
            for c, (row, test) in enumerate(_tested(errors).items())
        },
        "icc21": {
            row: {
                "difference": float(whole[0][c] - whole[1][c]),
                "low": float(low[c]),
                "high": float(high[c]),
            }
            for c, row in enumerate(ROWS)
        },
    }


def patient_errors(predictions: Predictions) -> F64:
    """Mean absolute error of each patient (patients, 5), columns as ROWS, in SDs of the label."""
    label = predictions.label.astype(np.float64)
    errors = np.abs(predictions.estimate - label) / label.std(axis=0)
    counts = by_group(np.ones((len(errors), 1)), predictions.patient)
    return with_overall(by_group(errors, predictions.patient) / counts)


def holm(p: list[float]) -> list[float]:
    """Holm's step-down adjusted p (Scand J Stat 1979; 6: 65-70)."""
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, at in enumerate(np.argsort(p)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[at]))
        adjusted[at] = largest
    return adjusted


def _tested(differences: F64) -> dict[str, dict[str, float]]:
    """Paired t-test of each column; a difference that is the same everywhere has no t, and p 1 or 0."""
    out = {}
    for c, row in enumerate(ROWS):
        values = differences[:, c]
        mean = float(values.mean())
        if len(values) < 2 or float(np.ptp(values)) < 1e-12:
            test = (0.0, 1.0) if len(values) < 2 or abs(mean) < 1e-12 else (float("inf"), 0.0)
        else:
            found = stats.ttest_1samp(values, 0.0)
            test = (float(found.statistic), float(found.pvalue))
        out[row] = {"difference": mean, "t": test[0], "p": test[1], "pairs": len(values)}
    return out
