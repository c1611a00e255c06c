"""A report for what was not analysed, so that nobody takes silence for a normal knee."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydicom.dataset import Dataset

from ctsma_node.analysis.result import KneeNotAnalysed
from ctsma_node.report import content
from ctsma_node.report.identity import ObjectReference
from ctsma_node.report.origin import Origin
from ctsma_node.report.text_report import section, text_document, texts

SERIES = "not_analysed"


def not_analysed(
    origin: Origin,
    refusal: KneeNotAnalysed,
    predecessors: Sequence[ObjectReference] = (),
    *,
    whole_series: bool = False,
    number: int = 1,
) -> Dataset:
    """Basic Text SR that says that there is no measurement, and why: a private code and sentences.

    Its UIDs depend on the reason. `number` tells several of one series and side apart.
    """
    own = replace(
        origin,
        side=refusal.side,
        uids=origin.uids.within("not analysed", refusal.side or "", refusal.code, refusal.reason),
        predecessors=tuple(p for p in predecessors if p.side == refusal.side),
    )
    procedure = [("procedure_description", own.text("research"))]
    sections = [
        section(own, "procedure_section", texts(own, procedure)),
        section(own, "findings_section", _findings(own, refusal, whole_series)),
    ]
    return text_document(own, SERIES, sections, number)


def _findings(origin: Origin, refusal: KneeNotAnalysed, whole_series: bool) -> Iterator[Dataset]:
    concepts, words = origin.templates.concepts, origin.templates.texts
    yield content.code(concepts["summary_of_analyses"], concepts["not_attempted"], "CONTAINS")
    reason = origin.templates.reason(refusal.code)
    yield content.code(concepts["not_analysed_reason"], reason, "CONTAINS")
    sentence = words.reason(refusal.code, refusal.reason)
    sentences = [
        ("conclusion", _what(origin, whole_series)),
        ("conclusion", words.of("not_analysed.why", reason=sentence)),
    ]
    if sentence != refusal.reason:
        sentences.append(("comment", words.of("not_analysed.original", reason=refusal.reason)))
    sentences.append(("comment", words.of("not_analysed.again")))
    yield from texts(origin, sentences)


def _what(origin: Origin, whole_series: bool) -> str:
    words, source = origin.templates.texts, origin.source
    if whole_series:
        count = str(len(source.instances))
        return words.of("not_analysed.series", series=source.series_number, count=count)
    return words.of("not_analysed.knee", side=words.side(origin.side), series=source.series_number)
