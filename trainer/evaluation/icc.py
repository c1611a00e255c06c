"""Intraclass correlation of estimates with labels, from sums that add up over patients.

Shrout and Fleiss 1979, McGraw and Wong 1996: two-way, single measures. With two columns (estimate and label)
the mean squares follow from six sums, so that a bootstrap over patients only adds the sums of those drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sums:
    """Sums over groups of patches: of estimates x and labels y, about a fixed origin for each column.

    Every array is (..., c) for c parameters; `count` (...). Leading axes are groups, such as patients.
    """

    count: F64
    x: F64
    y: F64
    xx: F64
    yy: F64
    xy: F64

    def weighted(self, weights: F64) -> Sums:
        """Sums over groups with weights (..., groups): how often each was drawn."""
        return Sums(*(weights @ getattr(self, name) for name in ("count", "x", "y", "xx", "yy", "xy")))

    def total(self) -> Sums:
        """Over all groups."""
        return self.weighted(np.ones(len(self.count)))


def sums(estimate: Any, label: Any, group: Any) -> Sums:
    """Of each group (sorted by name): estimates and labels are (n, c), groups (n,)."""
    y = np.asarray(label, dtype=np.float64)
    x = np.asarray(estimate, dtype=np.float64) - y.mean(axis=0)
    y = y - y.mean(axis=0)
    counts, *parts = (by_group(values, group) for values in (np.ones((len(x), 1)), x, y, x**2, y**2, x * y))
    return Sums(counts[:, 0], *parts)


def by_group(values: Any, group: Any) -> F64:
    """Sums (groups, c) of values (n, c), groups sorted by name."""
    _, of = np.unique(group, return_inverse=True)
    return np.stack([np.bincount(of, column) for column in np.asarray(values).T], axis=1)


def agreement(of: Sums) -> F64:
    """ICC(2,1): two-way random effects, absolute agreement. NaN with fewer than two patches."""
    subjects, raters, error, n = _mean_squares(of)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((subjects - error) / (subjects + error + 2.0 * (raters - error) / n))


def consistency(of: Sums) -> F64:
    """ICC(3,1): two-way mixed effects, consistency; a constant bias does not lower it."""
    subjects, _, error, _ = _mean_squares(of)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((subjects - error) / (subjects + error))


def within(of: Sums) -> Sums:
    """Sums of the deviations from each group's own means: agreement inside a knee, not between knees.

    `agreement` of their total says how well differences between places of one patient are told.
    """
    n = of.count[..., None]
    zero = np.zeros_like(of.x)
    return Sums(
        of.count,
        zero,
        zero,
        of.xx - of.x**2 / n,
        of.yy - of.y**2 / n,
        of.xy - of.x * of.y / n,
    )


def icc21(estimate: Any, label: Any) -> F64:
    """ICC(2,1) of each column: (c,) of (n, c)."""
    return agreement(sums(estimate, label, np.zeros(len(estimate), dtype=np.int8)).total())


def icc21_of(estimate: Any, label: Any) -> float:
    """ICC(2,1) of one column: both (n,)."""
    return float(icc21(np.asarray(estimate)[:, None], np.asarray(label)[:, None])[0])


def icc31(estimate: Any, label: Any) -> F64:
    """ICC(3,1) of each column: (c,) of (n, c)."""
    return consistency(sums(estimate, label, np.zeros(len(estimate), dtype=np.int8)).total())


def _mean_squares(of: Sums) -> tuple[F64, F64, F64, F64]:
    """Mean squares of subjects (patches), raters (estimate and label) and error; how many patches."""
    n = of.count[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (of.x + of.y) / (2.0 * n)
        subjects = (of.xx + 2.0 * of.xy + of.yy) / 2.0 - 2.0 * n * mean**2
        raters = (of.x - of.y) ** 2 / (2.0 * n)
        error = (of.xx - 2.0 * of.xy + of.yy) / 2.0 - raters
        return subjects / (n - 1.0), raters, error / (n - 1.0), n
