"""The drawn knees beside what is published."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import OAClass
from trainer.evaluation.realism.demography import Table
from trainer.evaluation.realism.orders import CONTRASTS, DIRECTIONS
from trainer.evaluation.realism.published import MEMORY, WORN, Contrast, Direction, Published
from trainer.evaluation.realism.ranges import RANGES

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """A figure of the drawn knees beside a published range."""

    figure: str
    unit: str
    knees: int
    mean: float
    sd: float
    low: float
    high: float
    source: str

    @property
    def verdict(self) -> str:
        """Where the mean lies."""
        if not np.isfinite(self.mean):
            return "no knees"
        place = "below" if self.mean < self.low else "above" if self.mean > self.high else "inside"
        return f"{place} (range unverified)" if self.source == MEMORY else place


@dataclass(frozen=True)
class Claim:
    """A published order beside the drawn knees': the mean difference, and its sign."""

    claim: str
    difference: float
    share: float  # of the knees in which it holds; of groups: the probability that it does (AUC)
    source: str

    @property
    def verdict(self) -> str:
        """Whether the drawn knees show it."""
        return (
            "as published"
            if self.difference > 0.0
            else "not so"
            if np.isfinite(self.difference)
            else "no knees"
        )


def values_of(table: Table, keys: tuple[str, ...]) -> F64:
    """Mean of `keys` for each knee (n,)."""
    return np.asarray(np.mean([_column(table, key) for key in keys], axis=0))


def _column(table: Table, key: str) -> F64:
    if WORN not in key:
        return table[key]
    medial, lateral = (table[key.replace(WORN, side)] for side in ("medial", "lateral"))
    return np.where(table["joint space medial"] <= table["joint space lateral"], medial, lateral)


def of_classes(table: Table, classes: tuple[OAClass, ...]) -> npt.NDArray[np.bool_]:
    """The knees of some groups."""
    return np.isin(table["class"], [list(OAClass).index(oa_class) for oa_class in classes])


def rows(table: Table) -> list[Row]:
    """Every range that is published."""
    return [_row(table, published) for published in RANGES]


def _row(table: Table, p: Published) -> Row:
    chosen = of_classes(table, p.classes)
    if p.women is not None:
        chosen &= (table["woman"] > 0.5) == p.women
    values = values_of(table, p.keys)[chosen]
    values = values[np.isfinite(values)]
    mean, sd = (float(values.mean()), float(values.std())) if values.size else (np.nan, np.nan)
    return Row(p.figure, p.unit, values.size, mean, sd, p.low, p.high, p.source)


def claims(table: Table) -> list[Claim]:
    """Every order that is published."""
    return [_direction(table, d) for d in DIRECTIONS] + [_contrast(table, c) for c in CONTRASTS]


def _direction(table: Table, d: Direction) -> Claim:
    difference = (values_of(table, d.more) - values_of(table, d.less))[of_classes(table, d.classes)]
    if not difference.size:
        return Claim(d.claim, np.nan, np.nan, d.source)
    return Claim(d.claim, float(difference.mean()), float((difference > 0.0).mean()), d.source)


def _contrast(table: Table, c: Contrast) -> Claim:
    values = values_of(table, c.keys)
    higher, lower = (values[of_classes(table, (oa_class,))] for oa_class in (c.higher, c.lower))
    if not higher.size or not lower.size:
        return Claim(c.claim, np.nan, np.nan, c.source)
    greater = float((higher[:, None] > lower[None]).mean())
    return Claim(c.claim, float(higher.mean() - lower.mean()), greater, c.source)
