"""The subregions as a BINARY Segmentation (PS3.3 A.51).

BINARY, since a report may point at its segments (DCMTK 3.6.7 refuses one that points at a label map).
highdicom describes the segments. The frames are encoded here: its Segmentation (0.28.2) took 0.85 s of
processor time to make and write 200 segments in 1,386 frames, where this module takes 0.15 s, and both grow
with the frames.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from highdicom import (
    AlgorithmIdentificationSequence,
    CoordinateSystemNames,
    PixelMeasuresSequence,
    PlaneOrientationSequence,
)
from highdicom.color import CIELabColor
from highdicom.seg import SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, SegmentationStorage

from ctsma_node.analysis.result import Bone, Subregion
from ctsma_node.report.basis import Basis
from ctsma_node.report.functional_groups import FrameGroups, encoded
from ctsma_node.report.grid import decimal
from ctsma_node.report.items import add, coded, explicit_dataset, item, raw_sequence, reference_item
from ctsma_node.report.modules import (
    add_coding_scheme,
    add_compression_history,
    add_frame_of_reference,
    pin_dimensions,
    sign,
)

SERIES = "segmentation"
_DIMENSIONS = (
    ("ReferencedSegmentNumber", "SegmentIdentificationSequence"),
    ("ImagePositionPatient", "PlanePositionSequence"),
)


def segmentation(basis: Basis) -> Dataset:
    """One segment for each subregion, in the order of the result; only frames that hold something.

    Raises:
        ValueError: a subregion has no voxel.
    """
    ds = explicit_dataset()
    ds.SOPClassUID, ds.Modality = SegmentationStorage, "SEG"
    sign(ds, basis, SERIES)
    add_coding_scheme(ds, basis)
    add_frame_of_reference(ds, basis)
    ds.ReferencedSeriesSequence = [_referenced_volume(basis)]
    # Content Identification (table 10-12): the creator is a device, so no person is named.
    ds.ContentLabel, ds.ContentDescription = "SUBREGIONS", basis.text("segmentation")
    ds.ContentCreatorName = ""
    ds.ImageType = ["DERIVED", "PRIMARY"]
    add_compression_history(ds, basis)
    ds.SegmentationType, ds.SegmentsOverlap = "BINARY", "NO"
    ds.SegmentSequence = _segments(basis)
    ds.SharedFunctionalGroupsSequence = [_shared_groups(basis)]
    _add_dimensions(ds, basis)
    _add_frames(ds, basis)
    return ds


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


def _add_dimensions(ds: Dataset, basis: Basis) -> None:
    """Multi-frame Dimension module (C.7.6.17)."""
    ds.DimensionOrganizationSequence = [item()]
    ds.DimensionIndexSequence = [
        item(DimensionIndexPointer=tag_for_keyword(attribute), FunctionalGroupPointer=tag_for_keyword(group))
        for attribute, group in _DIMENSIONS
    ]
    pin_dimensions(ds, basis, SERIES)


def _add_frames(ds: Dataset, basis: Basis) -> None:
    """Image Pixel and multi-frame modules; frames run by segment, then along the grid's frames."""
    labels = np.asarray(basis.grid.place(basis.knee.subregion_labels, 0), dtype=np.uint8)
    occupied = _occupied_frames(labels)
    groups = FrameGroups(basis)
    items, pixels = [], []
    for number, subregion in enumerate(basis.knee.subregions, start=1):
        identification = encoded(item(SegmentIdentificationSequence=[item(ReferencedSegmentNumber=number)]))
        frames = occupied.get(subregion.label)
        if not frames:
            raise ValueError(f"subregion {subregion.name} has no voxel")
        for frame in frames:
            items.append(groups.encoded(frame, (number, frame + 1), identification))
            pixels.append(np.packbits(labels[frame] == subregion.label, bitorder="little").tobytes())
    element = raw_sequence("PerFrameFunctionalGroupsSequence", b"".join(items))
    add(ds, element)
    ds.NumberOfFrames = len(pixels)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = basis.grid.rows, basis.grid.columns
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 1, 1, 0, 0
    # A frame is a whole number of bytes on this grid, so packed frames may be joined (PS3.5 8.1.1).
    packed = b"".join(pixels)
    ds.add_new("PixelData", "OB", packed + b"\0" * (len(packed) % 2))


def _occupied_frames(labels: npt.NDArray[np.uint8]) -> dict[int, list[int]]:
    """For each label the frames in which it occurs, ascending."""
    occupied: dict[int, list[int]] = {}
    for frame, plane in enumerate(labels):
        for label in np.flatnonzero(np.bincount(plane.ravel(), minlength=256)):
            occupied.setdefault(int(label), []).append(frame)
    return occupied


def _segments(basis: Basis) -> list[SegmentDescription]:
    algorithm = AlgorithmIdentificationSequence(
        basis.text("algorithm"),
        family=basis.concept("artificial_intelligence"),
        version=basis.node.software_version,
        parameters={"bundle": basis.bundle, "sha256": basis.result.bundle_digest},
    )
    regions = {bone: _region(basis, bone) for bone in Bone}
    return [
        SegmentDescription(
            number,
            f"{basis.side.value} {basis.templates.bones[subregion.bone].meaning} {subregion.name}",
            basis.concept("tissue"),
            basis.concept("bone_tissue"),
            "AUTOMATIC",
            algorithm,
            tracking_uid=basis.tracking_uid(subregion.name),
            tracking_id=basis.tracking_id(subregion.name),
            anatomic_regions=[regions[subregion.bone]],
            display_color=_colour(basis, subregion),
        )
        for number, subregion in enumerate(basis.knee.subregions, start=1)
    ]


def _region(basis: Basis, bone: Bone) -> CodedConcept:
    """Anatomic Region with its side."""
    code = basis.templates.bones[bone]
    region = CodedConcept(code.value, code.scheme, code.meaning)
    region.AnatomicRegionModifierSequence = [coded(basis.templates.sides[basis.side])]
    return region


def _colour(basis: Basis, subregion: Subregion) -> CIELabColor:
    colours = basis.templates.colours
    hue = math.radians(colours.golden_angle_deg * subregion.number)
    a, b = colours.chroma * math.cos(hue), colours.chroma * math.sin(hue)
    return CIELabColor(colours.lightness[subregion.bone], a, b)
