"""Whether what instances refer to is there, is what they say it is, and comes before (PS3.3 10.8, C.12.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ctsma_node.validation.content_items import content_below
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.pointing import Reference
from ctsma_node.validation.segments import LABEL_MAP
from ctsma_node.validation.tables import tables

_EVIDENCE = ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")
_EARLIER = "PredecessorDocumentsSequence"
_NO_COMPOSITES = (
    "ReferencedStudySequence",
    "ReferencedPatientSequence",
    "ReferencedPerformedProcedureStepSequence",
    "ReferencedRequestSequence",
    "RequestAttributesSequence",
)
"""References to what is no composite instance, of the order and the procedure."""
_CLAUSE = "PS3.3 10.8"


@dataclass(frozen=True)
class Known:
    """An instance that may be referred to."""

    sop_class_uid: str
    series_uid: str
    study_uid: str


def check_references(
    instance: Instance,
    known: Mapping[str, Known],
    segments: Mapping[str, frozenset[int]],
    resolved: set[int],
    whole: bool,
) -> Iterator[Finding]:
    """References of one instance to instances that are `known`.

    `segments` are the Segment Numbers of each segmentation by its UID. `resolved` holds the references, by
    identity, that instances have in common and that were found to be right.
    `whole` says that nothing else can be referred to; otherwise a reference to what is not here is no fault,
    unless its series is. What a document names as its predecessor is in an archive, not here.
    """
    series = {each.series_uid for each in known.values()}
    for reference in instance.references:
        if id(reference) in resolved or reference.path.startswith((_EARLIER, *_NO_COMPOSITES)):
            continue
        target = known.get(reference.sop_instance_uid)
        if target is None:
            if whole or reference.series_uid in series:
                sentence = "It refers to an instance that is neither in the set before it nor in the source."
                yield instance.finding("dangling_reference", reference.path, _CLAUSE, sentence)
            continue
        wrong = [
            *_as_stated(instance, reference, target),
            *_segments(instance, reference, segments),
        ]
        yield from wrong
        if not wrong:
            resolved.add(id(reference))
    yield from _listed(instance)
    if tables().of(instance.sop_class_uid).value_types:
        yield from _label_maps(instance)
        yield from _series_in_content(instance, series, whole)


def _as_stated(instance: Instance, reference: Reference, target: Known) -> Iterator[Finding]:
    """The class, series and study that a reference states are those of the instance."""
    stated = {
        "ReferencedSOPClassUID": (reference.sop_class_uid, target.sop_class_uid),
        "SeriesInstanceUID": (reference.series_uid, target.series_uid),
        "StudyInstanceUID": (reference.study_uid, target.study_uid),
    }
    for keyword, (said, true) in stated.items():
        if said and said != true:
            sentence = f"The instance that is referred to has another {keyword.removeprefix('Referenced')}."
            yield instance.finding("wrong_reference", reference.path, _CLAUSE, sentence)


def _segments(
    instance: Instance, reference: Reference, segments: Mapping[str, frozenset[int]]
) -> Iterator[Finding]:
    """Referenced segments exist."""
    there = segments.get(reference.sop_instance_uid)
    if there is not None and not set(reference.segments) <= there:
        sentence = "The segmentation has no such segment."
        yield instance.finding("dangling_reference", reference.path, "PS3.3 C.18.4", sentence)


def _listed(instance: Instance) -> Iterator[Finding]:
    """What content or frames refer to is listed: as evidence (C.17.2), or by series (C.12.2)."""
    document = bool(tables().of(instance.sop_class_uid).value_types)
    lists = (*_EVIDENCE, "ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence")
    if not document and not instance.ds.items("ReferencedSeriesSequence"):
        return  # the module is not there: whether it has to be, `conditions` says
    listed: set[str] = set()
    pointing: list[Reference] = []
    for reference in instance.references:
        if reference.path.startswith(lists):
            listed.add(reference.sop_instance_uid)
        elif not reference.path.startswith((_EARLIER, *_NO_COMPOSITES)):
            pointing.append(reference)
    if not document and not pointing:
        path, sentence = "ReferencedSeriesSequence", "It lists instances, and nothing refers to any."
        yield instance.finding("not_listed", path, "PS3.3 C.12.2", sentence)
    for reference in pointing:
        if reference.sop_instance_uid not in listed:
            where, clause = (
                ("evidence", "PS3.3 C.17.2") if document else ("referenced series", "PS3.3 C.12.2")
            )
            sentence = f"It refers to an instance that its {where} does not list."
            yield instance.finding("not_listed", reference.path, f"PS3.3 {clause}", sentence)


def _label_maps(instance: Instance) -> Iterator[Finding]:
    """No document points at a label map: DCMTK 3.6.7 cannot read one that does."""
    for reference in instance.references:
        if reference.sop_class_uid == LABEL_MAP and reference.path.startswith("ContentSequence"):
            sentence = "A document refers to a label map; it has to refer to the BINARY segmentation."
            yield instance.finding("label_map_reference", reference.path, "PS3.3 C.18.4", sentence)


def _series_in_content(instance: Instance, series: set[str], whole: bool) -> Iterator[Finding]:
    """Source Series for Segmentation (121232, DCM) is a series that is known (PS3.16 TID 1411)."""
    for path, item in content_below(instance.ds):
        name = item.first("ConceptNameCodeSequence")
        if (
            name is not None
            and name.text("CodeValue") == "121232"
            and whole
            and item.text("UID") not in series
        ):
            sentence = "It names a series that is neither in the set nor the source."
            yield instance.finding("dangling_reference", path, "PS3.16 TID 1411", sentence)


def known_of(instances: Sequence[Instance]) -> dict[str, Known]:
    """Instances as others may refer to them, by UID."""
    return {
        each.sop_instance_uid: Known(
            each.sop_class_uid, each.ds.text("SeriesInstanceUID"), each.ds.text("StudyInstanceUID")
        )
        for each in instances
    }
