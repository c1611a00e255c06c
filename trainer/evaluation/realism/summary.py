"""The report in words: tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from trainer.evaluation.realism.apparent import Seen
from trainer.evaluation.realism.compare import Claim, Row
from trainer.evaluation.realism.demography import GRADED, PAPER, Demography, Table, by_grade, rank_correlation
from trainer.evaluation.realism.retest import Repeat

PLAIN = (
    ("noise of the thin CT, SD in soft tissue", "CT noise SD, thin", "HU"),
    ("frequency at which that noise is strongest", "CT noise peak frequency", "1/mm"),
    ("middle of the femoral metaphysis", "HU metaphysis, middle", "HU"),
    ("SNR of marrow", "MR SNR marrow", ""),
    ("SNR of muscle", "MR SNR muscle", ""),
    ("signal of marrow over muscle", "MR marrow / muscle", ""),
    ("signal of trabecular bone over marrow", "MR trabecular mean / marrow", ""),
    ("texture of trabecular bone, SD over mean, noise taken off", "MR trabecular SD / mean", ""),
    ("lag at which the texture's autocorrelation falls to 1/e", "MR texture length", "mm"),
)
"""Figures without a published range that was found."""


@dataclass(frozen=True)
class Report:
    """Everything the page says."""

    table: Table
    rows: Sequence[Row]
    claims: Sequence[Claim]
    people: Sequence[Demography]
    repeats: Sequence[Repeat]
    retested: int
    shown: Sequence[Seen]
    labelled: int
    difficulty: str


def markdown_table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Rows of cells as Markdown."""
    all_lines = [header, ["---"] * len(header), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in all_lines)


def range_table(rows: Sequence[Row]) -> str:
    """Figure, drawn knees, published range, verdict, source."""
    return markdown_table(
        ("figure", "knees", "phantom, mean ± SD", "published", "verdict", "source"),
        (
            (
                r.figure,
                str(r.knees),
                f"{_number(r.mean)} ± {_number(r.sd)} {r.unit}".strip(),
                f"{_number(r.low)} to {_number(r.high)}",
                r.verdict,
                r.source,
            )
            for r in rows
        ),
    )


def claim_table(claims: Sequence[Claim]) -> str:
    """What is published of order, and whether the drawn knees show it."""
    return markdown_table(
        ("published", "mean difference", "share", "verdict", "source"),
        ((c.claim, f"{c.difference:+.3f}", f"{c.share:.2f}", c.verdict, c.source) for c in claims),
    )


def people_table(people: Sequence[Demography]) -> str:
    """Table 1 of the paper and the cohort's."""

    def lines() -> Iterable[Sequence[str]]:
        for row in people:
            *paper, p = PAPER[row.variable]
            yield (f"{row.variable}, cohort", *row.groups, "< 0.001" if row.p < 0.001 else f"{row.p:.2f}")
            yield (f"{row.variable}, paper", *map(str, paper), "< 0.001" if p <= 0.001 else f"{p:.2f}")

    return markdown_table(("variable", "normal", "mild OA", "advanced OA", "P"), lines())


def grade_table(table: Table) -> str:
    """Means by Kellgren-Lawrence grade, and rank correlations."""
    grades = by_grade(table)
    lines = [
        (str(kl), f"{means['knees']:.0f}", *(f"{means[name]:.1f}" for name in GRADED))
        for kl, means in grades.items()
    ]
    lines.append(("Spearman's rho", "", *(f"{rank_correlation(table, name):+.2f}" for name in GRADED)))
    return markdown_table(("KL", "knees", *GRADED), lines)


def plain_table(table: Table) -> str:
    """Figures for which no published range was found."""
    return markdown_table(
        ("figure", "mean ± SD", "5 % to 95 %"),
        (
            (
                title,
                f"{_number(float(np.nanmean(v)))} ± {_number(float(np.nanstd(v)))} {unit}".strip(),
                " to ".join(_number(float(q)) for q in np.nanpercentile(v, [5, 95])),
            )
            for title, v, unit in ((title, table[key], unit) for title, key, unit in PLAIN)
        ),
    )


def seen_table(shown: Sequence[Seen]) -> str:
    """What MR shows beside the truth."""

    def spread(values: tuple[float, float]) -> str:
        return f"{_number(values[0])} ± {_number(values[1])}"

    return markdown_table(
        ("parameter", "true", "apparent on MR", "calibrated", "r apparent, true", "r calibrated, true"),
        (
            (
                s.parameter,
                *(spread(values) for values in (s.true, s.apparent, s.calibrated)),
                f"{s.apparent_correlation:.2f}",
                f"{s.calibrated_correlation:.2f}",
            )
            for s in shown
        ),
    )


def repeat_table(repeats: Sequence[Repeat]) -> str:
    """Agreement of two visits."""
    return markdown_table(
        ("figure", "ICC(2,1)", "RMS-CV"),
        ((r.figure, f"{r.icc:.4f}", f"{100.0 * r.rms_cv:.2f} %") for r in repeats),
    )


def _number(value: float) -> str:
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"
