"""What segmentations of the subregions have in common, however their frames are encoded (PS3.3 A.51)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from highdicom import CoordinateSystemNames, PixelMeasuresSequence, PlaneOrientationSequence
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from ctsma_node.report.basis import Basis
from ctsma_node.report.grid import decimal
from ctsma_node.report.items import add, explicit_dataset, item, raw_sequence, reference_item
from ctsma_node.report.modules import (
    add_coding_scheme,
    add_compression_history,
    add_frame_of_reference,
    pin_dimensions,
    sign,
)
from ctsma_node.report.segments import segments

BY_SEGMENT = ("ReferencedSegmentNumber", "SegmentIdentificationSequence")
BY_POSITION = ("ImagePositionPatient", "PlanePositionSequence")


def segmentation_image(
    basis: Basis, series: str, sop_class_uid: str, kind: str, dimensions: Sequence[tuple[str, str]]
) -> Dataset:
    """A Segmentation of one segment for each subregion, as yet without frames.

    Args:
        basis: the knee.
        series: the name of its series in the templates.
        sop_class_uid: of the instance.
        kind: Segmentation Type (0062,0001).
        dimensions: attributes that the frames are indexed by, each with its functional group.
    """
    ds = explicit_dataset()
    ds.SOPClassUID, ds.Modality = sop_class_uid, "SEG"
    sign(ds, basis, series)
    add_coding_scheme(ds, basis)
    add_frame_of_reference(ds, basis)
    ds.ReferencedSeriesSequence = [_referenced_volume(basis)]
    # Content Identification (table 10-12): the creator is a device, so no person is named.
    ds.ContentLabel, ds.ContentDescription = "SUBREGIONS", basis.text("segmentation")
    ds.ContentCreatorName = ""
    ds.ImageType = ["DERIVED", "PRIMARY"]
    add_compression_history(ds, basis)
    ds.SegmentationType, ds.SegmentsOverlap = kind, "NO"
    ds.SegmentSequence = segments(basis)
    ds.SharedFunctionalGroupsSequence = [_shared_groups(basis)]
    _add_dimensions(ds, basis, series, dimensions)
    return ds


def labels_on_grid(basis: Basis) -> npt.NDArray[np.uint8]:
    """[frame, row, column]: the subregions' labels, 0 outside."""
    return np.asarray(basis.grid.place(basis.knee.subregion_labels, 0), dtype=np.uint8)


def add_frames(ds: Dataset, basis: Basis, encoded_groups: Sequence[bytes], bits: int, pixels: bytes) -> None:
    """Image Pixel and Multi-frame modules (C.7.6.3, C.7.6.6): an item and the pixels of each frame."""
    add(ds, raw_sequence("PerFrameFunctionalGroupsSequence", b"".join(encoded_groups)))
    ds.NumberOfFrames = len(encoded_groups)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = basis.grid.rows, basis.grid.columns
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits, bits - 1, 0
    ds.add_new("PixelData", "OB", pixels + b"\0" * (len(pixels) % 2))


def _referenced_volume(basis: Basis) -> Dataset:
    """Common Instance Reference module (C.12.2): the analysed volume. OHIF shows nothing without it."""
    instances = (basis.instance_uid("volume", frame + 1) for frame in range(basis.grid.frames))
    return item(
        SeriesInstanceUID=basis.series_uid("volume"),
        ReferencedInstanceSequence=[reference_item(CTImageStorage, uid) for uid in instances],
    )


def _shared_groups(basis: Basis) -> Dataset:
    grid = basis.grid
    between = float(decimal(grid.spacing[2]))
    spacing = [float(v) for v in grid.pixel_spacing]
    orientation = [float(v) for v in grid.orientation]
    return item(
        PixelMeasuresSequence=PixelMeasuresSequence(spacing, between, between),
        PlaneOrientationSequence=PlaneOrientationSequence(CoordinateSystemNames.PATIENT, orientation),
    )


def _add_dimensions(ds: Dataset, basis: Basis, series: str, dimensions: Sequence[tuple[str, str]]) -> None:
    """Multi-frame Dimension module (C.7.6.17)."""
    ds.DimensionOrganizationSequence = [item()]
    ds.DimensionIndexSequence = [
        item(DimensionIndexPointer=tag_for_keyword(attribute), FunctionalGroupPointer=tag_for_keyword(group))
        for attribute, group in dimensions
    ]
    pin_dimensions(ds, basis, series)
