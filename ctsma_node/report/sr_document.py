"""Structured reports and key object selections around content of this module's own making.

PS3.3 C.17.1 (series), C.17.2 (general), C.17.3 (content), C.17.6 (key objects); PS3.16 TID 1002, 1004, 1204.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydicom.dataset import Dataset

from ctsma_node.report import content, references
from ctsma_node.report.codes import Code
from ctsma_node.report.items import explicit_dataset, item, reference_item
from ctsma_node.report.modules import add_coding_scheme, sign
from ctsma_node.report.origin import Origin
from ctsma_node.report.references import Reference


def document(
    origin: Origin,
    series: str,
    sop_class_uid: str,
    root: Dataset,
    evidence: Sequence[Reference],
    number: int = 1,
) -> Dataset:
    """A document of a content tree, without what tells a report from a key object selection.

    Args:
        origin: whose it is and who signs.
        series: the name of its series in the templates.
        sop_class_uid: of the document.
        root: the CONTAINER of its content.
        evidence: the instances that it is about or refers to.
        number: Instance Number.
    """
    ds = explicit_dataset()
    ds.SOPClassUID = sop_class_uid
    sign(ds, origin, series, number)
    del ds.SeriesDate, ds.SeriesTime
    ds.ReferencedPerformedProcedureStepSequence = []  # type 2: no step is known
    ds.CurrentRequestedProcedureEvidenceSequence = _by_study(evidence)
    add_coding_scheme(ds, origin)
    ds.update(root)
    return ds


def report(
    origin: Origin,
    series: str,
    sop_class_uid: str,
    root: Dataset,
    evidence: Sequence[Reference],
    number: int = 1,
) -> Dataset:
    """A structured report; unverified, since no person has read it.

    It names the report of the same kind that a revision replaces: the content of that is in it, changed
    (C.17.2, Predecessor Documents Sequence). That is not so of a report of another kind.
    """
    ds = document(origin, series, sop_class_uid, root, evidence, number)
    ds.Modality = "SR"
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.PerformedProcedureCodeSequence = []  # type 2: no code of it is known
    replaced = [references.made(p) for p in origin.predecessors if p.kind == series]
    if replaced:
        ds.PredecessorDocumentsSequence = _by_study(replaced)
    return ds


def root(origin: Origin, title: Code, template: str, children: Iterable[Dataset]) -> Dataset:
    """The root CONTAINER of a document that a device makes in a language."""
    return content.container(title, None, [_language(origin), *_observer(origin), *children], template)


def _language(origin: Origin) -> Dataset:
    """Language of Content Item and Descendants (TID 1204)."""
    concepts, texts = origin.templates.concepts, origin.templates.texts
    return content.code(concepts["language"], texts.language, "HAS CONCEPT MOD")


def _observer(origin: Origin) -> list[Dataset]:
    """Observer Context of a device (TID 1002, 1004)."""
    concepts, node, context = origin.templates.concepts, origin.node, "HAS OBS CONTEXT"
    named = {
        "device_name": origin.device_name,
        "device_manufacturer": node.manufacturer,
        "device_model": node.model_name,
        "device_serial_number": node.serial_number,
    }
    return [
        content.code(concepts["observer_type"], concepts["device"], context),
        content.uid_reference(concepts["device_uid"], origin.device_uid, context),
        *(content.text(concepts[name], value, context) for name, value in named.items()),
    ]


def _by_study(instances: Iterable[Reference]) -> list[Dataset]:
    """Hierarchical SOP Instance Reference macro (table C.17-3)."""
    studies: dict[str, dict[str, list[Dataset]]] = {}
    for each in instances:
        of_series = studies.setdefault(each.study_uid, {}).setdefault(each.series_uid, [])
        of_series.append(reference_item(each.sop_class_uid, each.sop_instance_uid))
    return [
        item(
            StudyInstanceUID=study,
            ReferencedSeriesSequence=[
                item(SeriesInstanceUID=series, ReferencedSOPSequence=of_series)
                for series, of_series in of_study.items()
            ],
        )
        for study, of_study in studies.items()
    ]
