"""Headers of the instances an object refers to, as highdicom takes them: no pixels, and nobody's name.

What an object says of patient and study is added when it is signed, as the source said it: highdicom would
check those values, refuse some, and quote others in warnings.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, SegmentationStorage

from ctsma_node.report.attributes import TYPE_2
from ctsma_node.report.basis import Basis
from ctsma_node.report.grid import decimal
from ctsma_node.report.identity import ObjectReference, ReportObject
from ctsma_node.report.items import item
from ctsma_node.report.origin import Origin


def planes(basis: Basis) -> list[Dataset]:
    """The instances of the analysed volume with their geometry, in the order of the grid's frames."""
    grid, source = basis.grid, basis.source
    headers = volume(basis)
    for frame, header in enumerate(headers):
        header.FrameOfReferenceUID = source.frame_of_reference_uid
        header.PositionReferenceIndicator = source.position_reference_indicator
        header.Rows, header.Columns = grid.rows, grid.columns
        header.PixelSpacing, header.SliceThickness = grid.pixel_spacing, decimal(grid.spacing[2])
        header.ImageOrientationPatient = grid.orientation
        header.ImagePositionPatient = grid.position(frame)
    return headers


def volume(basis: Basis) -> list[Dataset]:
    """The instances of the analysed volume."""
    instances = ((CTImageStorage, basis.instance_uid("volume", n + 1)) for n in range(basis.grid.frames))
    return _series(basis, basis.series_uid("volume"), instances)


def source(origin: Origin) -> list[Dataset]:
    """The instances of the series that came in."""
    instances = ((each.sop_class_uid, each.sop_instance_uid) for each in origin.source.instances)
    return _series(origin, origin.source.series_uid, instances)


def segmentation(basis: Basis) -> list[Dataset]:
    """The segmentation, a series of its own."""
    instances = [(SegmentationStorage, basis.instance_uid("segmentation"))]
    return _series(basis, basis.series_uid("segmentation"), instances)


def made(obj: ReportObject) -> Dataset:
    """An object of the same set."""
    return earlier(obj.reference)


def earlier(reference: ObjectReference) -> Dataset:
    """An object of the revision that is replaced."""
    return _header(
        reference.study_uid, reference.series_uid, reference.sop_class_uid, reference.sop_instance_uid
    )


def _series(origin: Origin, series_uid: str, instances: Iterable[tuple[str, str]]) -> list[Dataset]:
    study = origin.source.study_uid
    return [_header(study, series_uid, sop_class, sop_instance) for sop_class, sop_instance in instances]


def _header(study_uid: str, series_uid: str, sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    return item(
        **dict.fromkeys(TYPE_2, ""),
        StudyInstanceUID=study_uid,
        SeriesInstanceUID=series_uid,
        SOPClassUID=sop_class_uid,
        SOPInstanceUID=sop_instance_uid,
    )
