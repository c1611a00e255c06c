"""What is usual and how far is too far: shrunken covariances, and limits from knees left out of the fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.covariance import ledoit_wolf
from sklearn.model_selection import GroupKFold

from ctsma_node.analysis.familiarity import GROUP_OF, Look, Reference, describe, distances, judge, local
from ctsma_node.analysis.plan import GROUPS, MEASURES, FamiliarityPlan
from ctsma_node.analysis.result import Familiarity
from ctsma_node.volume import Array
from trainer.familiarity.looks import Seen

REACH = 0.99
"""Share of the knees that lie within the reach of one column or component."""
WITHIN = 0.99
"""Share of the knees left out that lie within the limit of one measure."""
MARKED = 0.02
"""Share of the knees left out that a bundle would mark at most: 5 % are not reached by chance with this."""
REFUSED = 1.5
"""Times the score of marks that is refused, and no less than the worst good knee that was left out."""
_FOLDS = 10
_NORMAL = 1.4826
"""A standard deviation is this many median absolute deviations."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Distances of knees left out of the fit that judged them, one row a look, and each one's weight."""

    far: list[dict[str, float]]
    weights: Array

    def column(self, measure: str) -> Array:
        """Distances by one measure."""
        return np.array([far[measure] for far in self.far])


def fit(knees: Sequence[Seen]) -> Reference:
    """What is usual among the looks of these knees."""
    looks = [look for knee in knees for look in knee.looks]
    template = _template([knee.looks[0] for knee in knees])
    rest = np.array([local(look) for look in looks])
    local_mean = np.nanmean(rest, axis=0)
    each = (rest - local_mean).reshape(-1, rest.shape[-1])
    each = each[np.isfinite(each).all(axis=1)]
    local_scale, local_covariance = _spread(each)
    table = np.array([describe(look, template) for look in looks])
    mean = np.median(table, axis=0)
    scale, covariance = _spread(table - mean)
    z = (table - mean) / scale
    basis = _components(z)
    reaches = (_reach(columns, _weights(knees)) for columns in (z, z @ basis))
    return Reference(
        template, local_mean, local_scale, local_covariance, mean, scale, covariance, basis, *reaches
    )


def _components(z: Array) -> Array:
    """Principal components of each group's columns, a block each of (D, D), of unit variance."""
    basis = np.zeros((z.shape[1], z.shape[1]))
    for trait in GROUPS:
        own = np.flatnonzero(trait == GROUP_OF)
        variance, directions = np.linalg.eigh(ledoit_wolf(z[:, own])[0])
        basis[np.ix_(own, own)] = directions / np.sqrt(variance)
    return basis


def _reach(columns: Array, weights: Array) -> Array:
    """What few of the knees exceed in each column, (n, D) -> (D,)."""
    return np.array([quantile(column, weights, REACH) for column in np.abs(columns).T]) + 1e-6


def _weights(knees: Sequence[Seen]) -> Array:
    """One a knee, shared by its looks."""
    return np.concatenate([np.full(len(knee.looks), 1.0 / len(knee.looks)) for knee in knees])


def _template(looks: Sequence[Look]) -> Array:
    """Mean place of each subregion beside the middle of its bone, (200, 3) mm."""
    places = np.array([look.positions for look in looks])
    half = places.shape[1] // 2
    parts = [places[:, :half], places[:, half:]]
    return np.concatenate([np.nanmean(p - np.nanmean(p, axis=1, keepdims=True), axis=0) for p in parts])


def _spread(table: Array) -> tuple[Array, Array]:
    """Robust scale of each column (n, D), and Ledoit and Wolf's covariance of the columns so scaled.

    Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices".
    """
    scale = _NORMAL * np.median(np.abs(table - np.median(table, axis=0)), axis=0) + 1e-6
    return scale, np.asarray(ledoit_wolf(table / scale)[0])


def left_out(knees: Sequence[Seen], folds: int = _FOLDS) -> Judged:
    """Distances of every knee from fits of other people's knees; the looks of a knee share its weight."""
    people = [knee.person for knee in knees]
    far: dict[int, list[dict[str, float]]] = {}
    split = GroupKFold(min(folds, len(set(people)))).split(people, groups=people)
    for train, test in split:
        reference = fit([knees[n] for n in train])
        far |= {int(n): [distances(look, reference) for look in knees[n].looks] for n in test}
    return Judged([one for n in sorted(far) for one in far[n]], _weights(knees))


def limits_of(judged: Judged) -> FamiliarityPlan:
    """Limits of each trait, and the scores from which a knee is marked and refused."""
    limits = {name: quantile(judged.column(name), judged.weights, WITHIN) for name in MEASURES}
    scores = np.array([found.score for found in judge_all(judged, limits)])
    mark_at = quantile(scores, judged.weights, 1.0 - MARKED)
    return FamiliarityPlan(
        limits=limits,
        mark_at=mark_at,
        refuse_at=max(REFUSED * mark_at, 1.05 * float(scores.max())),
        knees=round(float(judged.weights.sum())),
    )


def judge_all(judged: Judged, limits: dict[str, float]) -> list[Familiarity]:
    """Each look's score and worst trait."""
    return [judge(far, limits) for far in judged.far]


def quantile(values: Array, weights: Array, share: float) -> float:
    """The least value that `share` of the weight does not exceed."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(reached, share)), len(values) - 1)])
