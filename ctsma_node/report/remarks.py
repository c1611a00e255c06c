"""What a reader needs beside the numbers of a knee, in the report's language."""

from __future__ import annotations

from ctsma_node.report.basis import Basis


def comments(basis: Basis) -> list[str]:
    """Research use, the uncertainty's meaning, the other knee, and what marks this one."""
    return [basis.text("research"), basis.text("uncertainty"), *other_knees(basis), *marks(basis)]


def other_knees(basis: Basis) -> list[str]:
    """Each knee of the field of view that was not analysed, and why."""
    texts = basis.templates.texts
    return [
        texts.of(
            "other_knee",
            side=knee.side.value if knee.side else "?",
            reason=texts.reason(knee.code, knee.reason),
        )
        for knee in basis.result.not_analysed
    ]


def marks(basis: Basis) -> list[str]:
    """What marks the knee, each behind its code."""
    return [basis.templates.texts.coded_mark(mark) for mark in basis.knee.marks]
