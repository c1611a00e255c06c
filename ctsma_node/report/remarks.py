"""What a reader needs beside the numbers of a knee, in the report's language."""

from __future__ import annotations

from ctsma_node.analysis.result import AnalysisResult, KneeResult
from ctsma_node.report.basis import Basis
from ctsma_node.report.texts import Texts


def comments(basis: Basis) -> list[str]:
    """Research use, the training, the uncertainty's meaning, the other knee, and what marks this one."""
    texts = basis.templates.texts
    first = [basis.text("research"), trained_on(basis.result, texts), basis.text("uncertainty")]
    return [*first, *other_knees(basis.result, texts), *marks(basis)]


def trained_on(result: AnalysisResult, texts: Texts) -> str:
    """What the networks have learned from: nobody should take synthetic knees for people."""
    return texts.of("trained", training=texts.term(result.training))


def other_knees(result: AnalysisResult, texts: Texts) -> list[str]:
    """Each knee of the field of view that was not analysed, and why."""
    return [
        texts.of("other_knee", side=texts.side(knee.side), reason=texts.reason(knee.code, knee.reason))
        for knee in result.not_analysed
    ]


def marks(basis: Basis) -> list[str]:
    """What marks the knee, each behind its code."""
    return [basis.templates.texts.coded_mark(mark) for mark in basis.knee.marks]


def subregions_marked(knee: KneeResult, texts: Texts) -> list[str]:
    """How many subregions carry a mark, if any does: the full report says which."""
    count = sum(1 for subregion in knee.subregions if subregion.marks)
    if not count:
        return []
    return [texts.of("subregions_marked", count=str(count), total=str(len(knee.subregions)))]
