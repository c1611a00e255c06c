"""The set of objects that one analysis gives: what is in it, and in which order it is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from pydicom.dataset import Dataset

from ctsma_node.analysis.result import AnalysisResult, KneeNotAnalysed, Side
from ctsma_node.report.basis import Basis, basis_of, series_origin
from ctsma_node.report.derived_ct import analysed_volume
from ctsma_node.report.full_report import full_report
from ctsma_node.report.identity import NodeIdentity, ObjectReference, ReportObject
from ctsma_node.report.key_objects import key_objects
from ctsma_node.report.labelmap import labelmap
from ctsma_node.report.not_analysed import not_analysed
from ctsma_node.report.origin import Origin
from ctsma_node.report.parametric_map import parametric_maps
from ctsma_node.report.secondary_capture import picture
from ctsma_node.report.segmentation import segmentation
from ctsma_node.report.text_report import text_report
from ctsma_node.report.texts import OWN
from ctsma_node.report.viewer_report import viewer_report

Maker = Callable[[Basis], Iterable[Dataset]]

MAKERS: dict[str, Maker] = {
    "volume": analysed_volume,
    "segmentation": lambda basis: [segmentation(basis)],
    "labelmap": lambda basis: [labelmap(basis)],
    "parametric_map": parametric_maps,
    "report": lambda basis: [full_report(basis)],
    "viewer_report": lambda basis: [viewer_report(basis)],
    "text_report": lambda basis: [text_report(basis)],
    "picture": lambda basis: [picture(basis)],
}
"""The kinds made of a knee, in the order of sending: what is referred to comes before what refers to it."""
_NOTE, _KEY_OBJECTS = "not_analysed", "key_objects"
_REFERS_TO = {
    "segmentation": frozenset({"volume"}),
    "labelmap": frozenset({"volume"}),
    "parametric_map": frozenset({"volume"}),
    "report": frozenset({"volume", "segmentation"}),
    "viewer_report": frozenset({"volume"}),
}
ALL_OBJECTS = frozenset(MAKERS) | {_NOTE, _KEY_OBJECTS}
"""Every kind of object the node makes."""
DEFAULT_OBJECTS = ALL_OBJECTS - {"labelmap"}
"""Those that are made where nobody chooses."""


def build_set(
    result: AnalysisResult,
    headers: Sequence[Dataset],
    *,
    node: NodeIdentity,
    revision: int = 1,
    predecessor: Sequence[ObjectReference] = (),
    objects: frozenset[str] = DEFAULT_OBJECTS,
    tied: frozenset[str] = ALL_OBJECTS,
    explained: Collection[str] = (),
    language: str = OWN,
) -> tuple[ReportObject, ...]:
    """The objects of every knee, in an order in which no object refers to a later one.

    Args:
        result: what was analysed.
        headers: the source series without pixels, single- or multi-frame; not changed.
        node: the device that signs.
        revision: counts the analyses of a series whose instances changed.
        predecessor: objects of the revisions that this one replaces; a report names that of its kind.
        objects: the kinds wanted; what they refer to is made too.
        tied: the kinds that a key object selection may name.
        explained: codes of the refusals of a single knee that get a report.
        language: of what reports and pictures say in words.

    Returns:
        Objects with UIDs and bytes that depend on the arguments alone, never on the clock.

    Raises:
        ValueError: an unknown kind, or a result that cannot be placed on image planes.
        Refused: the source has no UIDs to refer to.
    """
    kinds = with_references(objects)
    bundle = f"{result.bundle_name} {result.bundle_version}"
    origin = series_origin(headers, node, bundle, result.bundle_digest, revision, language)
    made: list[ReportObject] = []
    for knee in result.knees:
        basis = basis_of(origin, result, knee, predecessor)
        of_knee = [*_of_knee(basis, kinds)]
        if _KEY_OBJECTS in kinds:
            selection = key_objects(basis, of_knee, objects & tied)
            of_knee += [_report_object(_KEY_OBJECTS, basis.side, ds) for ds in selection]
        made += of_knee
    if _NOTE in kinds:
        made += _notes(origin, result.not_analysed, predecessor, explained)
    return tuple(made)


def build_note(
    code: str,
    reason: str,
    headers: Sequence[Dataset],
    *,
    node: NodeIdentity,
    bundle_digest: str,
    revision: int = 1,
    predecessor: Sequence[ObjectReference] = (),
    language: str = OWN,
) -> ReportObject:
    """The report that a whole series was not analysed, and why; arguments and errors as in `build_set`."""
    bundle = f"sha256 {bundle_digest[:12]}"
    origin = series_origin(headers, node, bundle, bundle_digest, revision, language)
    refusal = KneeNotAnalysed(None, code, reason)
    return _report_object(_NOTE, None, not_analysed(origin, refusal, predecessor, whole_series=True))


def with_references(objects: frozenset[str]) -> frozenset[str]:
    """The kinds and all that they refer to; raises ValueError for an unknown kind."""
    unknown = objects - ALL_OBJECTS
    if unknown:
        raise ValueError(f"no such objects: {sorted(unknown)}; there are {sorted(ALL_OBJECTS)}")
    return objects.union(*(_REFERS_TO.get(kind, frozenset()) for kind in objects))


def _of_knee(basis: Basis, kinds: frozenset[str]) -> Iterator[ReportObject]:
    for kind, make in MAKERS.items():
        if kind in kinds:
            yield from (_report_object(kind, basis.side, ds) for ds in make(basis))


def _notes(
    origin: Origin,
    refusals: Iterable[KneeNotAnalysed],
    predecessor: Sequence[ObjectReference],
    explained: Collection[str],
) -> Iterator[ReportObject]:
    counted: Counter[Side | None] = Counter()
    for refusal in refusals:
        if refusal.code in explained:
            counted[refusal.side] += 1
            ds = not_analysed(origin, refusal, predecessor, number=counted[refusal.side])
            yield _report_object(_NOTE, refusal.side, ds)


def _report_object(kind: str, side: Side | None, ds: Dataset) -> ReportObject:
    return ReportObject(
        kind=kind,
        side=side,
        sop_class_uid=str(ds.SOPClassUID),
        sop_instance_uid=str(ds.SOPInstanceUID),
        series_uid=str(ds.SeriesInstanceUID),
        dataset=ds,
    )
