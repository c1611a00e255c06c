"""A Key Object Selection that ties the objects of one knee together (PS3.3 A.35.4, PS3.16 TID 2010).

It can name only what is at the destination that it goes to, and one document goes to all of them: so it names
the kinds of object that every destination takes which takes it. It never names the label map, whose SOP class
few programs know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage, Comprehensive3DSRStorage, KeyObjectSelectionDocumentStorage

from ctsma_node.report import content, references, sr_document
from ctsma_node.report.basis import Basis
from ctsma_node.report.identity import ReportObject
from ctsma_node.report.origin import Origin

SERIES = "key_objects"
_TEMPLATE = "2010"
_DOCUMENTS = (BasicTextSRStorage, Comprehensive3DSRStorage)
_NEVER = "labelmap"


def key_objects(basis: Basis, objects: Sequence[ReportObject], kinds: frozenset[str]) -> list[Dataset]:
    """The selection of those of `objects` that are of `kinds`; none where that leaves nothing to name."""
    named = [each for each in objects if each.kind in kinds - {_NEVER}]
    if not named:
        return []
    # What it names decides what it says: a selection of others is another instance.
    origin = replace(basis, uids=basis.uids.within("key objects", *sorted({each.kind for each in named})))
    title = origin.templates.concepts["of_interest"]
    root = sr_document.root(origin, title, _TEMPLATE, _content(origin, named))
    evidence = [references.made(each.reference) for each in named]
    ds = sr_document.document(origin, SERIES, KeyObjectSelectionDocumentStorage, root, evidence)
    ds.Modality = "KO"
    return [ds]


def _content(origin: Origin, named: Sequence[ReportObject]) -> Iterator[Dataset]:
    description = origin.text(
        "key_objects.description", algorithm=origin.text("algorithm"), series=origin.source.series_number
    )
    yield content.text(origin.templates.concepts["key_object_description"], description, "CONTAINS")
    for each in named:
        refer = content.composite if each.sop_class_uid in _DOCUMENTS else content.image
        yield refer(None, each.sop_class_uid, each.sop_instance_uid, "CONTAINS")
