"""The student's errors on knees it has not seen, as a law that can be drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ErrorLaw:
    """log estimate = `offset` + `slope` log truth + knee effect + patch effect, for the four parameters.

    The effects are Gaussian with covariances `between` and `within` (4, 4).
    """

    offset: Any
    slope: Any
    between: Any
    within: Any

    def draw(self, truth: Any, rng: np.random.Generator) -> Any:
        """Estimates as the student would give them; `truth` is (n, 200, 4)."""
        n, m, c = truth.shape
        knee = rng.multivariate_normal(np.zeros(c), self.between, size=(n, 1))
        patch = rng.multivariate_normal(np.zeros(c), self.within, size=(n, m))
        return np.exp(self.offset + self.slope * np.log(np.maximum(truth, 1e-3)) + knee + patch)


def fit_errors(estimate: Any, truth: Any, subject: Any) -> ErrorLaw:
    """Fit the law to held-out patches: `estimate` and `truth` (n, 4), `subject` (n,)."""
    x, y = np.log(np.maximum(truth, 1e-3)), np.log(np.maximum(estimate, 1e-3))
    slope = np.array([np.cov(x[:, c], y[:, c])[0, 1] / x[:, c].var(ddof=1) for c in range(x.shape[1])])
    offset = y.mean(axis=0) - slope * x.mean(axis=0)
    rest = y - offset - slope * x
    subjects = np.unique(subject)
    means = np.stack([rest[subject == s].mean(axis=0) for s in subjects])
    inner = np.concatenate([rest[subject == s] - m for s, m in zip(subjects, means, strict=True)])
    return ErrorLaw(offset, slope, np.cov(means.T), np.cov(inner.T))
