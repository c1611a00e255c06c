"""A small polynomial that is never asked beyond what it was fitted on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

_EDGE = 0.5
"""Percent of the fitted patches that lie outside the range on either side."""


@dataclass(frozen=True)
class Polynomial:
    """Linear in p measures, quadratic in the first few.

    Measures beyond `low` or `high` are held there, and so are answers beyond `least` or `most`, the range of
    what was fitted.
    """

    quadratic: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    least: tuple[float, ...]
    most: tuple[float, ...]
    coefficients: tuple[tuple[float, ...], ...]  # (outputs, terms)

    def __call__(self, measures: F64) -> F64:
        """(outputs,) of (p,) measures, or (n, outputs) of (n, p)."""
        held = np.clip(measures, self.low, self.high)
        answers = _terms(held, self.quadratic) @ np.array(self.coefficients).T
        return np.asarray(np.clip(answers, self.least, self.most))


def fitted(measures: F64, wanted: F64, quadratic: int) -> Polynomial:
    """Least squares of `wanted` (n, outputs) over `measures` (n, p)."""
    low, high = np.percentile(measures, [_EDGE, 100.0 - _EDGE], axis=0)
    terms = _terms(np.clip(measures, low, high), quadratic)
    coefficients = np.linalg.lstsq(terms, wanted, rcond=None)[0].T
    return Polynomial(
        quadratic,
        tuple(low.tolist()),
        tuple(high.tolist()),
        tuple(wanted.min(axis=0).tolist()),
        tuple(wanted.max(axis=0).tolist()),
        tuple(tuple(row) for row in coefficients.tolist()),
    )


def _terms(measures: F64, quadratic: int) -> F64:
    """1, the measures, and the products of the first `quadratic` of them."""
    first = measures[..., :quadratic]
    row, column = np.triu_indices(quadratic)
    return np.concatenate(
        [np.ones((*measures.shape[:-1], 1)), measures, first[..., row] * first[..., column]], axis=-1
    )
