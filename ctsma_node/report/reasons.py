"""What raises the probability of osteoarthritis, in words: for the picture and the full report."""

from __future__ import annotations

from ctsma_node.analysis.result import Explanation, Reason
from ctsma_node.report.templates import Templates
from ctsma_node.report.texts import probability

MOST = 3
"""Reasons told, the strongest first; all numbers stand in the subregions' measurements."""


def sentences(explanation: Explanation, templates: Templates) -> list[str]:
    """What the contributions are relative to, and a sentence for each of the strongest reasons."""
    texts = templates.texts
    first = texts.of(
        "explanation",
        reference=texts.term(explanation.reference),
        probability=probability(explanation.reference_probability),
    )
    return [first, *(_sentence(reason, templates) for reason in explanation.raising(MOST))]


def change_of(reason: Reason, templates: Templates) -> str:
    """Such as "less bone"."""
    below, above = templates.texts.changes[reason.parameter]
    return above if reason.ratio > 1.0 else below


def _sentence(reason: Reason, templates: Templates) -> str:
    return templates.texts.of(
        "reason",
        change=change_of(reason, templates),
        compartment=templates.texts.term(reason.compartment),
        parameter=reason.parameter.value,
        percent=f"{100 * reason.ratio:.0f}",
        contribution=f"{reason.contribution:+.2f}",
    )
