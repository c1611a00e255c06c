"""The law of the student's errors is found again in what it drew."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.aggregation.errors import ErrorLaw, fit_errors


def test_a_fitted_law_is_the_one_that_drew() -> None:
    rng = np.random.default_rng(0)
    truth = np.exp(rng.normal(-1.0, 0.3, (300, 200, 4)))
    law = ErrorLaw(
        offset=np.array([0.1, -0.1, 0.0, 0.2]),
        slope=np.array([0.9, 0.6, 0.8, 1.0]),
        between=0.01 * np.eye(4),
        within=0.04 * (np.eye(4) + 0.5),
    )
    estimate = law.draw(truth, rng)
    subject = np.repeat(np.arange(300), 200)
    found = fit_errors(estimate.reshape(-1, 4), truth.reshape(-1, 4), subject)
    assert found.slope == pytest.approx(law.slope, abs=0.02)
    assert found.offset == pytest.approx(law.offset, abs=0.03)
    assert np.abs(found.within - law.within).max() < 0.002
    assert np.abs(found.between - law.between).max() < 0.003
