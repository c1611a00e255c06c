"""The figures of Table 5: ICC by parameter and overall, mean and SD over folds, intervals over patients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from trainer.evaluation.icc import F64, Sums, agreement, consistency, sums, within
from trainer.evaluation.regression.bootstrap import draws, interval
from trainer.evaluation.regression.predictions import PARAMETERS, Predictions

OVERALL = "overall"
ROWS = (*(parameter.value for parameter in PARAMETERS), OVERALL)
PAPER: dict[str, dict[str, tuple[float, float]]] = {
    "radiomics": {
        "BV/TV": (0.548, 0.011),
        "Tb.Th": (0.407, 0.032),
        "Tb.Sp": (0.356, 0.017),
        "Tb.N": (0.326, 0.036),
        OVERALL: (0.409, 0.026),
    },
    "CNN": {
        "BV/TV": (0.670, 0.053),
        "Tb.Th": (0.488, 0.038),
        "Tb.Sp": (0.523, 0.054),
        "Tb.N": (0.502, 0.085),
        OVERALL: (0.545, 0.059),
    },
    "distilled": {
        "BV/TV": (0.804, 0.037),
        "Tb.Th": (0.773, 0.042),
        "Tb.Sp": (0.711, 0.063),
        "Tb.N": (0.622, 0.133),
        OVERALL: (0.742, 0.046),
    },
}
"""Table 5 of the paper, mean and SD over five folds. Its text (section 4.4) gives other SDs for two of the
overall figures: 0.024 for radiomics and 0.067 for the CNN."""

Icc = Callable[[Sums], F64]


def with_overall(values: F64) -> F64:
    """Figures (..., 4) with their mean as fifth: so the paper's overall figures follow from its rows."""
    return np.concatenate([values, values.mean(axis=-1, keepdims=True)], axis=-1)


def icc_figures(predictions: Predictions, times: int, seed: int) -> dict[str, Any]:
    """ICC(2,1), ICC(3,1) and the ICC(2,1) within patients, of each of ROWS.

    mean, sd: over the folds; pooled: of all patches; low, high: 95 % interval of the pooled figure, by
    bootstrap over patients.
    """
    of_patients = sums(predictions.estimate, predictions.label, predictions.patient)
    weights = draws(len(of_patients.count), times, seed)
    fold_of = _folds_of_patients(predictions)
    return {
        "icc21": _figures(agreement, of_patients, weights, fold_of),
        "icc31": _figures(consistency, of_patients, weights, fold_of),
        "within": _figures(agreement, within(of_patients), weights, fold_of),
    }


def fold_iccs(predictions: Predictions) -> F64:
    """ICC(2,1) of each fold (folds, 5), columns as ROWS."""
    of_patients = sums(predictions.estimate, predictions.label, predictions.patient)
    return _by_fold(agreement, of_patients, _folds_of_patients(predictions))


def _figures(icc: Icc, of_patients: Sums, weights: F64, fold_of: Any) -> dict[str, dict[str, Any]]:
    folds = _by_fold(icc, of_patients, fold_of)
    pooled = with_overall(icc(of_patients.total()))
    low, high = interval(with_overall(icc(of_patients.weighted(weights))))
    spread = folds.std(axis=0, ddof=1) if len(folds) > 1 else np.zeros(len(ROWS))
    return {
        row: {
            "mean": float(folds[:, c].mean()),
            "sd": float(spread[c]),
            "folds": [float(value) for value in folds[:, c]],
            "pooled": float(pooled[c]),
            "low": float(low[c]),
            "high": float(high[c]),
        }
        for c, row in enumerate(ROWS)
    }


def _by_fold(icc: Icc, of_patients: Sums, fold_of: Any) -> F64:
    weights = (np.unique(fold_of)[:, None] == fold_of[None, :]).astype(np.float64)
    return with_overall(icc(of_patients.weighted(weights)))


def _folds_of_patients(predictions: Predictions) -> Any:
    """The fold of each patient, sorted by patient as `sums` sorts them."""
    _, first = np.unique(predictions.patient, return_index=True)
    return predictions.fold[first]
