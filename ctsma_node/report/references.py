"""The instances that an object refers to, and their headers as highdicom takes them: without pixels or names.

What an object says of patient and study is added when it is signed, as the source said it: highdicom would
check those values, refuse some, and quote others in warnings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, SegmentationStorage

from ctsma_node.report.attributes import TYPE_2
from ctsma_node.report.basis import Basis
from ctsma_node.report.grid import decimal
from ctsma_node.report.identity import ObjectReference
from ctsma_node.report.items import item
from ctsma_node.report.origin import Origin


@dataclass(frozen=True)
class Reference:
    """Where an instance is: table C.17-3 (Hierarchical SOP Instance Reference)."""

    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str


def volume(basis: Basis) -> list[Reference]:
    """The instances of the analysed volume, in the order of the grid's frames."""
    instances = ((CTImageStorage, basis.instance_uid("volume", n + 1)) for n in range(basis.grid.frames))
    return _series(basis, basis.series_uid("volume"), instances)


def source(origin: Origin) -> list[Reference]:
    """The instances of the series that came in."""
    instances = ((each.sop_class_uid, each.sop_instance_uid) for each in origin.source.instances)
    return _series(origin, origin.source.series_uid, instances)


def segmentation(basis: Basis) -> list[Reference]:
    """The segmentation, a series of its own."""
    instances = [(SegmentationStorage, basis.instance_uid("segmentation"))]
    return _series(basis, basis.series_uid("segmentation"), instances)


def made(obj: ObjectReference) -> Reference:
    """An object of this set or of the one that is replaced."""
    return Reference(obj.study_uid, obj.series_uid, obj.sop_class_uid, obj.sop_instance_uid)


def planes(basis: Basis) -> list[Dataset]:
    """Headers of the analysed volume's instances with their geometry."""
    grid, space = basis.grid, basis.source
    headers = [_header(reference) for reference in volume(basis)]
    for frame, header in enumerate(headers):
        header.FrameOfReferenceUID = space.frame_of_reference_uid
        header.PositionReferenceIndicator = space.position_reference_indicator
        header.Rows, header.Columns = grid.rows, grid.columns
        header.PixelSpacing, header.SliceThickness = grid.pixel_spacing, decimal(grid.spacing[2])
        header.ImageOrientationPatient = grid.orientation
        header.ImagePositionPatient = grid.position(frame)
    return headers


def _series(origin: Origin, series_uid: str, instances: Iterable[tuple[str, str]]) -> list[Reference]:
    study = origin.source.study_uid
    return [Reference(study, series_uid, sop_class, sop_instance) for sop_class, sop_instance in instances]


def _header(reference: Reference) -> Dataset:
    return item(
        **dict.fromkeys(TYPE_2, ""),
        StudyInstanceUID=reference.study_uid,
        SeriesInstanceUID=reference.series_uid,
        SOPClassUID=reference.sop_class_uid,
        SOPInstanceUID=reference.sop_instance_uid,
    )
