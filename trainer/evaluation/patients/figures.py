"""Figures of a method and its aggregator on knees: classes by KL grade, cartilage scores, calibration.

A knee counts as osteoarthritic where its probabilities of mild and advanced disease make a half or more.
Supplement B.3 asks how mild and advanced disease are told apart: of the osteoarthritic knees, by the share of
the advanced in both probabilities.

A MOAKS score is 0 to 6 in each of five regions, 0 to 30 in total. The paper does not say which of the two its
error and R2 are of; an error of 0.893 beside an R2 of 0.881 takes scores with a deviation near 3, more than
those of a region have. Both are given.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import f1_score, precision_score, r2_score, recall_score, roc_auc_score

from ctsma_node.analysis.result import OAClass
from trainer.aggregation.knees import F64, Knees
from trainer.evaluation.regression.bootstrap import draws, interval

NORMAL, MILD, ADVANCED = range(len(OAClass))
ROWS = (
    "precision",
    "recall",
    "f1",
    "auc",
    "severity_auc",
    "severity_f1",
    "mae",
    "r2",
    "total_mae",
    "total_r2",
)
_BINS = 10
_CHANCES = 200


def figures_of(p: F64, scores: F64, knees: Knees) -> dict[str, float]:
    """Every figure of ROWS, `ece` and `ece_by_chance`; NaN where the knees cannot tell (one class only)."""
    oa, ill = oa_probability(p), knees.oa_class > NORMAL
    share, advanced = severity(p)[ill], knees.oa_class[ill] == ADVANCED
    total, predicted = knees.cartilage.sum(axis=1), scores.sum(axis=1)
    return {
        "knees": float(len(knees)),
        "precision": float(precision_score(ill, oa >= 0.5, zero_division=0.0)),
        "recall": float(recall_score(ill, oa >= 0.5, zero_division=0.0)),
        "f1": float(f1_score(ill, oa >= 0.5, zero_division=0.0)),
        "auc": auc(oa, ill),
        "severity_auc": auc(share, advanced),
        "severity_f1": float(f1_score(advanced, share >= 0.5, zero_division=0.0))
        if advanced.any()
        else float("nan"),
        "mae": float(np.abs(scores - knees.cartilage).mean()),
        "r2": float(r2_score(knees.cartilage.ravel(), scores.ravel())),
        "total_mae": float(np.abs(predicted - total).mean()),
        "total_r2": float(r2_score(total, predicted)),
        "ece": calibration_error(oa, ill),
        "ece_by_chance": chance_calibration_error(oa),
    }


def oa_probability(p: F64) -> F64:
    """Of osteoarthritis, KL 1 and more: (n, 3) to (n,)."""
    return np.asarray(p[:, MILD] + p[:, ADVANCED])


def severity(p: F64) -> F64:
    """Of advanced disease, given osteoarthritis: (n, 3) to (n,)."""
    return np.asarray(p[:, ADVANCED] / np.maximum(oa_probability(p), 1e-12))


def auc(score: F64, truth: Any, weight: Any = None) -> float:
    """Area under the ROC curve; NaN where one class is missing."""
    counted = truth if weight is None else truth[weight > 0]
    if len(set(counted.tolist())) < 2:
        return float("nan")
    return float(roc_auc_score(truth, score, sample_weight=weight))


def calibration_error(probability: F64, truth: Any) -> float:
    """Expected calibration error in ten bins of equally many knees (Naeini et al. 2015)."""
    order = np.argsort(probability, kind="stable")
    bins = [each for each in np.array_split(order, _BINS) if len(each)]
    gaps = [len(each) * abs(probability[each].mean() - truth[each].mean()) for each in bins]
    return float(sum(gaps) / len(probability))


def chance_calibration_error(probability: F64) -> float:
    """Mean of `calibration_error` where the probabilities are right: few knees err by chance."""
    rng = np.random.default_rng(0)
    drawn = rng.random((_CHANCES, len(probability))) < probability
    return float(np.mean([calibration_error(probability, truth) for truth in drawn]))


def auc_draws(p: F64, knees: Knees, times: int, seed: int) -> F64:
    """AUC of osteoarthritis in each draw of the bootstrap over people; the same draws for every method."""
    oa, ill, person = oa_probability(p), knees.oa_class > NORMAL, knees.person
    return np.array([auc(oa, ill, weight[person]) for weight in draws(int(person.max()) + 1, times, seed)])


def between(drawn: F64) -> tuple[float, float]:
    """95 % interval; NaN where no draw has a figure."""
    if not np.isfinite(drawn).any():
        return float("nan"), float("nan")
    low, high = interval(drawn)
    return float(low), float(high)


def two_sided(drawn: F64) -> float:
    """p of a difference whose bootstrap is `drawn`: how often it is on the other side of 0, twice.

    NaN where no draw has a figure.
    """
    finite = drawn[np.isfinite(drawn)]
    if not len(finite):
        return float("nan")
    tail = min((finite <= 0.0).mean(), (finite >= 0.0).mean())
    return float(min(1.0, max(2.0 * tail, 1.0 / len(finite))))
