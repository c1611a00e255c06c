"""ICC(2,1) against its definition (Shrout and Fleiss 1979)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trainer.evaluation.agreement import icc21


def by_definition(a: Any, b: Any) -> float:
    """From the mean squares of a two-way analysis of variance."""
    table = np.stack([a, b], axis=1)
    n, k = table.shape
    grand = table.mean()
    rows = k * ((table.mean(axis=1) - grand) ** 2).sum() / (n - 1)
    columns = n * ((table.mean(axis=0) - grand) ** 2).sum() / (k - 1)
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0, keepdims=True) + grand
    error = (rest**2).sum() / ((n - 1) * (k - 1))
    return float((rows - error) / (rows + (k - 1) * error + k * (columns - error) / n))


@pytest.mark.parametrize(("noise", "bias"), [(0.1, 0.0), (0.5, 0.2), (1.0, -1.0)])
def test_icc_is_its_definition(noise: float, bias: float) -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=200)
    estimate = truth + bias + noise * rng.normal(size=200)
    assert icc21(estimate, truth) == pytest.approx(by_definition(estimate, truth), abs=1e-6)


def test_a_bias_lowers_absolute_agreement() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(size=100)
    close = truth + 1e-3 * rng.normal(size=100)
    assert icc21(close, truth) == pytest.approx(1.0, abs=1e-5)
    assert icc21(close + 1.0, truth) < 0.75
