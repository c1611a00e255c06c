"""How often 90 % intervals hold the label: overall, and patient by patient."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.evaluation.icc import F64, by_group
from trainer.evaluation.regression.bootstrap import draws, interval
from trainer.evaluation.regression.predictions import PARAMETERS, Predictions

NOMINAL = 0.90
AIM = (0.88, 0.92)
"""Coverage of unseen patients that counts as calibrated."""


def coverage(predictions: Predictions, times: int, seed: int) -> dict[str, dict[str, Any]] | None:
    """Of each parameter; None without intervals.

    covered: of all patches, with its 95 % interval over patients (low, high); calibrated: whether it lies in
    AIM; patients: SD, 5th percentile and least of the patients' own coverages; width: median, in the
    parameter's unit.
    """
    by_patient = patient_coverage(predictions)
    if by_patient is None or predictions.low is None or predictions.high is None:
        return None
    covered, counts = by_patient
    weights = draws(len(counts), times, seed)
    drawn = (weights * counts) @ covered / (weights @ counts)[:, None]
    low, high = interval(drawn)
    whole = counts @ covered / counts.sum()
    width = np.median(predictions.high - predictions.low, axis=0)
    return {
        parameter.value: {
            "covered": float(whole[c]),
            "low": float(low[c]),
            "high": float(high[c]),
            "calibrated": bool(AIM[0] <= whole[c] <= AIM[1]),
            "patients_sd": float(covered[:, c].std(ddof=1)) if len(covered) > 1 else 0.0,
            "patients_5th": float(np.percentile(covered[:, c], 5)),
            "patients_least": float(covered[:, c].min()),
            "width": float(width[c]),
        }
        for c, parameter in enumerate(PARAMETERS)
    }


def patient_coverage(predictions: Predictions) -> tuple[F64, F64] | None:
    """Coverage of each patient (patients, 4) and its patches (patients,); None without intervals."""
    if predictions.low is None or predictions.high is None:
        return None
    inside = (predictions.label >= predictions.low) & (predictions.label <= predictions.high)
    counts = by_group(np.ones((len(inside), 1)), predictions.patient)
    return by_group(inside, predictions.patient) / counts, counts[:, 0]
