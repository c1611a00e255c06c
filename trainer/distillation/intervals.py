"""Intervals that hold what they promise: conformal, by patients that neither network nor interval has seen.

A network states a spread for each answer; how many of its spreads an interval must reach is measured on
out-of-fold answers of the other folds' patients (cross-conformal, Vovk 2015; scores divided by the stated
spread, Lei et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

COVERAGE = 0.9
Values = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Spread:
    """Out-of-fold answers: standardised `mean`, stated `sd`, and `target`, each (n, 4)."""

    mean: Values
    sd: Values
    target: Values

    def factors(self, rows: npt.NDArray[np.bool_]) -> Values:
        """(4,): stated spreads that COVERAGE of the answers of `rows` lie within."""
        score = np.abs(self.target[rows] - self.mean[rows]) / self.sd[rows]
        level = min(1.0, COVERAGE * (1.0 + 1.0 / max(len(score), 1)))
        return np.asarray(np.quantile(score, level, axis=0))

    def bounds(self, fold: npt.NDArray[np.integer]) -> tuple[Values, Values]:
        """Lower and upper bounds (n, 4), standardised; each fold's by the others' answers."""
        reach = np.empty_like(self.mean)
        for name in np.unique(fold):
            here = fold == name
            reach[here] = self.factors(~here) * self.sd[here]
        return self.mean - reach, self.mean + reach
