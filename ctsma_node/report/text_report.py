"""The headline numbers of a knee in sentences: a report that every archive and viewer shows as text.

OHIF 3.13 takes an SR titled "Imaging Measurement Report" to its measurements; this one has another title.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage

from ctsma_node.analysis.result import UNITS, BoneSummary, OAClass, Parameter
from ctsma_node.report import content, references, sr_document
from ctsma_node.report.basis import Basis
from ctsma_node.report.origin import Origin
from ctsma_node.report.remarks import marks, other_knees, subregions_marked, trained_on
from ctsma_node.report.texts import probability

SERIES = "text_report"
_TEMPLATE = "2000"  # Basic Diagnostic Imaging Report


def text_report(basis: Basis) -> Dataset:
    """Basic Text SR (PS3.3 A.35.1) of what was analysed, what came out, and what to mind about it."""
    findings = [("finding", sentence) for sentence in _findings(basis)]
    remarks = [("comment", sentence) for sentence in _remarks(basis)]
    procedure = [
        ("procedure_description", basis.text("research")),
        ("procedure_description", _analysed(basis)),
    ]
    sections = [
        section(basis, "procedure_section", texts(basis, procedure)),
        section(basis, "findings_section", texts(basis, [*findings, *remarks])),
    ]
    return text_document(basis, SERIES, sections)


def text_document(origin: Origin, series: str, sections: Iterable[Dataset], number: int = 1) -> Dataset:
    """A Basic Text SR of sections (TID 2000) whose evidence is the series that came in."""
    title = origin.templates.concepts["diagnostic_imaging_report"]
    root = sr_document.root(origin, title, _TEMPLATE, sections)
    return sr_document.report(origin, series, BasicTextSRStorage, root, references.source(origin), number)


def section(origin: Origin, heading: str, children: Iterable[Dataset]) -> Dataset:
    """A section of a report in words (CID 7001)."""
    return content.container(origin.templates.concepts[heading], "CONTAINS", list(children))


def texts(origin: Origin, sentences: Iterable[tuple[str, str]]) -> list[Dataset]:
    """A TEXT item for each pair of a concept's name and a sentence."""
    concepts = origin.templates.concepts
    return [content.text(concepts[name], sentence, "CONTAINS") for name, sentence in sentences]


def _analysed(basis: Basis) -> str:
    return basis.text(
        "report.analysed",
        side=basis.templates.texts.side(basis.side),
        series=basis.source.series_number,
        count=str(len(basis.source.instances)),
        algorithm=basis.text("algorithm"),
        version=basis.node.software_version,
        bundle=basis.bundle,
    )


def _findings(basis: Basis) -> Iterator[str]:
    knee, words = basis.knee, basis.templates.texts
    meaning = words.term(basis.templates.classes[knee.oa_class].meaning)
    parts = {c.value: probability(knee.class_probabilities[c]) for c in OAClass}
    yield basis.text("report.class", **{"class": meaning}, **parts)
    yield basis.text("report.probability", probability=probability(knee.oa_probability))
    yield from (_bone(basis, summary) for summary in knee.bones)
    scores = (f"{words.term(r)} {score.value:.1f} ± {score.sd:.1f}" for r, score in knee.cartilage.items())
    yield basis.text("report.cartilage", values=", ".join(scores))


def _bone(basis: Basis, summary: BoneSummary) -> str:
    values = (f"{p.value} {summary.mean[p]:.3f} ± {summary.sd[p]:.3f}{_unit(p)}" for p in Parameter)
    return basis.text(
        "report.bone",
        bone=basis.templates.bones[summary.bone].meaning,
        count=str(sum(each.bone is summary.bone for each in basis.knee.subregions)),
        values=", ".join(values),
        volume=f"{summary.volume / 1000:.1f}",
    )


def _unit(parameter: Parameter) -> str:
    return "" if UNITS[parameter] == "1" else f" {UNITS[parameter]}"


def _remarks(basis: Basis) -> Iterator[str]:
    knee, words = basis.knee, basis.templates.texts
    warnings = [basis.text("report.warning", mark=mark) for mark in marks(basis)]
    warnings += subregions_marked(knee, words)
    yield from warnings or [basis.text("report.not_warned")]
    yield from other_knees(basis.result, words)
    yield trained_on(basis.result, words)
