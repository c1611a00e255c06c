"""Who is in a cohort, beside Table 1 of the paper, and the means of each grade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from ctsma_node.analysis.result import OAClass, Side
from trainer.phantom.person import Person

Table = dict[str, npt.NDArray[np.float64]]
"""Figures of all subjects, (n,) each."""

GRADED = (
    "MOAKS sum",
    "joint space medial",
    "joint space lateral",
    "joint space smallest",
    "age",
    "flexion CT",
    "flexion MR",
)
PAPER: dict[str, tuple[str, str, str, float]] = {
    "age, years": ("38.6 ± 9.6", "56.3 ± 9.7", "62.4 ± 10.1", 0.001),
    "men": ("15", "14", "16", 0.58),
    "BMI, kg/m2": ("24.6 ± 2.7", "24.9 ± 3.6", "26.1 ± 2.6", 0.16),
    "left knees": ("14", "13", "14", 0.78),
}
"""Table 1: normal, mild, advanced, P; of the age the paper says P < 0.001."""


@dataclass(frozen=True)
class Demography:
    """One row of Table 1 as the cohort has it: the three groups, and P of their difference."""

    variable: str
    groups: tuple[str, ...]
    p: float


def demography(people: Sequence[Person]) -> list[Demography]:
    """Analysis of variance for age and body mass index, chi-square for sex and side, as in Table 1."""
    groups = [[p for p in people if p.oa_class is oa_class] for oa_class in OAClass]
    return [
        _measured("age, years", [[float(p.age) for p in group] for group in groups]),
        _counted("men", [[p.sex == "M" for p in group] for group in groups]),
        _measured("BMI, kg/m2", [[p.bmi for p in group] for group in groups]),
        _counted("left knees", [[p.side is Side.LEFT for p in group] for group in groups]),
    ]


def _measured(variable: str, groups: list[list[float]]) -> Demography:
    texts = tuple(f"{np.mean(g):.1f} ± {np.std(g, ddof=1):.1f}" if len(g) > 1 else "-" for g in groups)
    p = float(stats.f_oneway(*groups).pvalue) if min(map(len, groups)) > 1 else float("nan")
    return Demography(variable, texts, p)


def _counted(variable: str, groups: list[list[bool]]) -> Demography:
    table = np.array([[sum(g), len(g) - sum(g)] for g in groups])
    known = table.sum(axis=0).min() > 0 and table.sum(axis=1).min() > 0
    p = float(stats.chi2_contingency(table).pvalue) if known else float("nan")
    return Demography(variable, tuple(str(n) for n in table[:, 0]), p)


def by_grade(table: Table) -> dict[int, dict[str, float]]:
    """Means of GRADED over the knees of each Kellgren-Lawrence grade, and how many there are (`knees`)."""
    out = {}
    for kl in np.unique(table["KL"]):
        knees = table["KL"] == kl
        out[int(kl)] = {"knees": float(knees.sum())} | {
            name: float(table[name][knees].mean()) for name in GRADED
        }
    return out


def rank_correlation(table: Table, name: str) -> float:
    """Spearman's rank correlation of a figure with the grade."""
    return float(stats.spearmanr(table["KL"], table[name]).statistic)
