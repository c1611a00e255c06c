"""Bias and limits of agreement (Bland and Altman, Lancet 1986; 327: 307-310)."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.evaluation.icc import F64, Sums, sums
from trainer.evaluation.regression.bootstrap import draws, interval
from trainer.evaluation.regression.predictions import PARAMETERS, Predictions

LIMITS = 1.96


def bland_altman(predictions: Predictions, times: int, seed: int) -> dict[str, dict[str, float]]:
    """Of each parameter, in its unit: bias (estimate less label), limits, and 95 % intervals over patients.

    The limits hold for a patch of a new patient: the SD is of all differences, between patients and within.
    `slope`, of the difference on the mean of both, is negative where small values come out too large.
    """
    of_patients = sums(predictions.estimate, predictions.label, predictions.patient)
    weights = draws(len(of_patients.count), times, seed)
    bias, sd, slope = _moments(of_patients.total())
    drawn_bias, drawn_sd, _ = _moments(of_patients.weighted(weights))
    figures: dict[str, Any] = {
        "bias": bias,
        "sd": sd,
        "low": bias - LIMITS * sd,
        "high": bias + LIMITS * sd,
        "slope": slope,
    }
    for name, drawn in (
        ("bias", drawn_bias),
        ("low", drawn_bias - LIMITS * drawn_sd),
        ("high", drawn_bias + LIMITS * drawn_sd),
    ):
        figures[f"{name}_ci_low"], figures[f"{name}_ci_high"] = interval(drawn)
    return {
        parameter.value: {name: float(values[c]) for name, values in figures.items()}
        for c, parameter in enumerate(PARAMETERS)
    }


def _moments(of: Sums) -> tuple[F64, F64, F64]:
    """Mean and SD of the differences, and their slope on the means of both."""
    n = of.count[..., None]
    bias = (of.x - of.y) / n
    mean = (of.x + of.y) / (2.0 * n)
    variance = (of.xx - 2.0 * of.xy + of.yy) / n - bias**2
    joint = (of.xx - of.yy) / (2.0 * n) - bias * mean
    spread = (of.xx + 2.0 * of.xy + of.yy) / (4.0 * n) - mean**2
    return bias, np.sqrt(np.maximum(variance, 0.0) * n / (n - 1.0)), joint / spread
