"""Bootstrap over patients: patches of one knee are no independent witnesses (Efron and Tibshirani 1993)."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.evaluation.icc import F64

CONFIDENCE = 0.95
TIMES = 2000


def draws(patients: int, times: int = TIMES, seed: int = 0) -> F64:
    """How often each patient is drawn (times, patients): as many with replacement as there are."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(patients, np.full(patients, 1.0 / patients), size=times).astype(np.float64)


def interval(drawn: Any) -> tuple[Any, Any]:
    """Lower and upper percentile bound, over the first axis, of a figure of every draw."""
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.nanpercentile(np.asarray(drawn), (tail, 100.0 - tail), axis=0)
    return low, high


def means(of_patients: F64, weights: F64) -> F64:
    """Weighted means (times, c) of figures (patients, c): each patient counts once a draw."""
    return np.asarray(weights @ of_patients / weights.sum(axis=1, keepdims=True))
