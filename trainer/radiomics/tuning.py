"""Choosing a setting, and how wide intervals must be, on folds that the held-out patients are not in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from trainer.evaluation.icc import icc21

F32 = npt.NDArray[np.float32]
INTERVAL = 0.90
"""Of unseen patches that shall lie in their intervals."""


def two_left_out(folds: list[int]) -> list[tuple[int, int]]:
    """The pairs of folds that are left out together.

    A model that saw neither of two folds predicts each as an inner fold of the other: ten models for five
    folds, and not twenty.
    """
    return list(combinations(folds, 2))


@dataclass(frozen=True, eq=False)
class Inner:
    """Predictions of the inner folds, by pair of left-out folds: (settings, n, 4), NaN for other patches."""

    by_pair: Mapping[tuple[int, int], F32]
    fold: npt.NDArray[np.int16]
    label: F32

    def of(self, outer: int) -> F32:
        """(settings, n, 4) for the patches outside `outer`, by models that saw neither it nor theirs."""
        out = np.full_like(next(iter(self.by_pair.values())), np.nan)
        for pair, predicted in self.by_pair.items():
            if outer in pair:
                other = pair[0] if pair[1] == outer else pair[1]
                out[:, self.fold == other] = predicted[:, self.fold == other]
        return out

    def scores(self, outer: int) -> npt.NDArray[np.float64]:
        """Overall ICC(2,1) of each setting: mean over the parameters and the inner folds."""
        predicted = self.of(outer)
        inner = [fold for fold in np.unique(self.fold) if fold != outer]
        return np.array(
            [
                np.mean([icc21(each[self.fold == f], self.label[self.fold == f]).mean() for f in inner])
                for each in predicted
            ]
        )

    def half_width(self, outer: int, setting: int) -> F32:
        """(4,) what is added to and taken from an estimate of fold `outer` to hold 90 % of the labels.

        The quantile of split conformal prediction (Lei et al. 2018), of the inner folds' errors.
        """
        used = self.fold != outer
        errors = np.abs(self.of(outer)[setting, used] - self.label[used])
        level = min(1.0, np.ceil((len(errors) + 1) * INTERVAL) / len(errors))
        return np.asarray(np.quantile(errors, level, axis=0, method="higher"), dtype=np.float32)
