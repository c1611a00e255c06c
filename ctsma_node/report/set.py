"""The set of objects that one analysis gives: what is in it, and in which order it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pydicom.dataset import Dataset

from ctsma_node.analysis.result import AnalysisResult
from ctsma_node.report.basis import Basis, bases
from ctsma_node.report.derived_ct import analysed_volume
from ctsma_node.report.full_report import full_report
from ctsma_node.report.identity import NodeIdentity, ObjectReference, ReportObject
from ctsma_node.report.parametric_map import parametric_maps
from ctsma_node.report.secondary_capture import picture
from ctsma_node.report.segmentation import segmentation
from ctsma_node.report.texts import OWN
from ctsma_node.report.viewer_report import viewer_report

Maker = Callable[[Basis], Iterable[Dataset]]

# In the order of sending: what is referred to comes before what refers to it.
_MAKERS: dict[str, Maker] = {
    "volume": analysed_volume,
    "segmentation": lambda basis: [segmentation(basis)],
    "parametric_map": parametric_maps,
    "report": lambda basis: [full_report(basis)],
    "viewer_report": lambda basis: [viewer_report(basis)],
    "picture": lambda basis: [picture(basis)],
}
_REFERS_TO = {
    "segmentation": frozenset({"volume"}),
    "parametric_map": frozenset({"volume"}),
    "report": frozenset({"volume", "segmentation"}),
    "viewer_report": frozenset({"volume"}),
}
DEFAULT_OBJECTS = frozenset(_MAKERS)
"""Every kind of object the node makes."""


def build_set(
    result: AnalysisResult,
    headers: Sequence[Dataset],
    *,
    node: NodeIdentity,
    revision: int = 1,
    predecessor: Sequence[ObjectReference] | None = None,
    objects: frozenset[str] = DEFAULT_OBJECTS,
    language: str = OWN,
) -> tuple[ReportObject, ...]:
    """The objects of every analysed knee, in an order in which no object refers to a later one.

    Args:
        result: what was analysed.
        headers: the source series without pixels, single- or multi-frame; not changed.
        node: the device that signs.
        revision: counts the analyses of a series whose instances changed.
        predecessor: objects of the revision that this one replaces; the reports name theirs.
        objects: the kinds wanted; what they refer to is made too.

        language: of what reports and pictures say in words.

    Returns:
        Objects with UIDs and bytes that depend on the arguments alone, never on the clock.

    Raises:
        ValueError: an unknown kind, or a result that cannot be placed on image planes.
        Refused: the source has no UIDs to refer to.
    """
    kinds = with_references(objects)
    made = []
    for basis in bases(result, headers, node, revision, predecessor or (), language):
        for kind, make in _MAKERS.items():
            if kind in kinds:
                made += [_report_object(kind, basis, ds) for ds in make(basis)]
    return tuple(made)


def with_references(objects: frozenset[str]) -> frozenset[str]:
    """The kinds and all that they refer to; raises ValueError for an unknown kind."""
    unknown = objects - DEFAULT_OBJECTS
    if unknown:
        raise ValueError(f"no such objects: {sorted(unknown)}; there are {sorted(DEFAULT_OBJECTS)}")
    return objects.union(*(_REFERS_TO.get(kind, frozenset()) for kind in objects))


def _report_object(kind: str, basis: Basis, ds: Dataset) -> ReportObject:
    return ReportObject(
        kind=kind,
        side=basis.side,
        sop_class_uid=str(ds.SOPClassUID),
        sop_instance_uid=str(ds.SOPInstanceUID),
        series_uid=str(ds.SeriesInstanceUID),
        dataset=ds,
    )
