"""Predictions whose agreement is known: planted bias, noise and intervals."""

from __future__ import annotations

import numpy as np

from trainer.evaluation.regression.predictions import Predictions

SPREAD = np.array([0.05, 0.03, 0.1, 0.2])
"""SD of the labels."""
MIDDLE = np.array([0.25, 0.25, 0.65, 1.2])


def predictions(
    noise: float = 0.5,
    *,
    bias: float = 0.0,
    patients: int = 30,
    each: int = 40,
    seed: int = 1,
    half_width: float | None = 1.645,
    of_patient: float = 0.0,
    labels: int = 0,
) -> Predictions:
    """`noise`, `bias`, `of_patient` (an error that a patient's patches share) in SDs of the label.

    `half_width` of the intervals in SDs of the noise: 1.645 holds 90 %. `labels` is their seed.
    """
    n = patients * each
    label = MIDDLE + SPREAD * np.random.default_rng(labels).normal(size=(n, 4))
    rng = np.random.default_rng(seed)
    error = bias + noise * rng.normal(size=(n, 4))
    error += of_patient * np.repeat(rng.normal(size=(patients, 4)), each, axis=0)
    estimate = (label + SPREAD * error).astype(np.float32)
    half = None if half_width is None else (half_width * noise * SPREAD).astype(np.float32)
    return Predictions(
        estimate=estimate,
        label=label.astype(np.float32),
        pair=np.repeat([f"P{p:03d}-R" for p in range(patients)], each),
        fold=np.repeat((np.arange(patients) % 5).astype(np.int16), each),
        bone=np.zeros(n, np.uint8),
        subregion=np.ones(n, np.uint8),
        row=np.tile(np.arange(each, dtype=np.int32), patients),
        low=None if half is None else estimate - half,
        high=None if half is None else estimate + half,
    )


def icc_of(noise: float) -> float:
    """What ICC(2,1) tends to without a bias: var / (var + noise var / 2)."""
    return 1.0 / (1.0 + noise**2 / 2.0)
