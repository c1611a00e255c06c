"""How well a bone of the CT fits the MR at a pose, and the climb to a better pose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from ctsma_node.volume import Array, apply
from trainer.registration.fixed import FixedPoints
from trainer.registration.information import agreement
from trainer.registration.moving import Level
from trainer.registration.rigid import motion_of, rigid

SHARE = 0.9
"""Of a bone's points that an MR must hold: the ends of the shafts may lie outside its field of view."""
_VALUE_TOLERANCE = 1e-4  # bits
_SIZE_TOLERANCE = 0.01  # mm


@dataclass(frozen=True, eq=False)
class Match:
    """Points of the CT against a level of the MR; scores are mutual information, weighed by overlap."""

    points: FixedPoints
    level: Level

    def score(self, transform: Array) -> float:
        """Of a 4 x 4 from the CT to the MR (LPS mm)."""
        return float(
            agreement(
                self.points.points,
                self.points.bins,
                self._mapping(transform),
                self.level.bins,
                self.level.shape,
                SHARE,
            )
        )

    def climb(self, transform: Array, size: float, evaluations: int) -> Found:
        """The best pose near `transform`; the first steps are `size` mm."""
        return climb(self.score, transform, self.points.centre, size, evaluations)

    def inside(self, transform: Array) -> float:
        """Share of the points that lie in the MR's field of view."""
        at = apply(self.level.to_index @ transform, self.points.lps())
        return float(((at >= 0) & (at < np.array(self.level.bins.shape[::-1]) - 1)).all(axis=1).mean())

    def _mapping(self, transform: Array) -> Array:
        mapping = self.level.to_index @ transform
        mapping[:3, 3] += mapping[:3, :3] @ self.points.centre
        return np.ascontiguousarray(mapping[:3])


@dataclass(frozen=True, eq=False)
class Found:
    """A pose and its score."""

    transform: Array
    score: float


def climb(
    score: Callable[[Array], float], transform: Array, centre: Array, size: float, evaluations: int
) -> Found:
    """The pose near `transform` of the highest score, turned about `centre`; first steps of `size` mm."""
    moving_centre = apply(transform, centre)
    start = motion_of(transform, centre, moving_centre)

    def pose(step: Array) -> Array:
        return rigid(start + step, centre, moving_centre)

    step, best = simplex(lambda step: score(pose(step)), np.zeros(6), np.full(6, size), evaluations)
    return Found(pose(step), best)


def simplex(
    score: Callable[[Array], float], start: Array, size: Array, evaluations: int
) -> tuple[Array, float]:
    """Where `score` is highest near `start`, and how high: Nelder and Mead, the first edges `size` long."""
    corners = np.vstack([start, start + np.diag(size)])
    options = {
        "initial_simplex": corners,
        "maxfev": evaluations,
        "fatol": _VALUE_TOLERANCE,
        "xatol": _SIZE_TOLERANCE,
    }
    best = minimize(lambda x: -score(x), start, method="Nelder-Mead", options=options)
    return np.asarray(best.x), -float(best.fun)


def best_first(found: list[Found]) -> list[Found]:
    """By falling score; of equal ones the first stays first."""
    return sorted(found, key=lambda each: -each.score)
