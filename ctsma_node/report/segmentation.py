"""The subregions as a BINARY Segmentation (PS3.3 A.51).

BINARY, since a report may point at its segments (DCMTK 3.6.7 refuses one that points at a label map).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from ctsma_node.analysis.result import Subregion
from ctsma_node.report.basis import Basis
from ctsma_node.report.functional_groups import (
    FrameGroups,
    add_dimensions,
    add_referenced_volume,
    encoded,
    pixel_measures,
    plane_orientation,
)
from ctsma_node.report.items import add, code_item, item, raw_sequence
from ctsma_node.report.modules import (
    add_coding_scheme,
    add_compression_history,
    add_content_identification,
    add_frame_of_reference,
    begin,
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
    ds = begin(basis, SERIES, SegmentationStorage, "SEG")
    add_coding_scheme(ds, basis)
    add_frame_of_reference(ds, basis)
    add_referenced_volume(ds, basis)
    add_content_identification(ds, "SUBREGIONS", basis.text("segmentation"))
    ds.ImageType = ["DERIVED", "PRIMARY"]
    add_compression_history(ds, basis)
    ds.SegmentationType, ds.SegmentsOverlap = "BINARY", "NO"
    ds.SegmentSequence = [_segment(basis, n, s) for n, s in enumerate(basis.knee.subregions, start=1)]
    ds.SharedFunctionalGroupsSequence = [
        item(PixelMeasuresSequence=pixel_measures(basis), PlaneOrientationSequence=plane_orientation(basis))
    ]
    add_dimensions(ds, basis, SERIES, _DIMENSIONS)
    _add_frames(ds, basis)
    return ds


def segment_number(basis: Basis, subregion: Subregion) -> int:
    """The segment of a subregion, counted from one."""
    return basis.knee.subregions.index(subregion) + 1


def _add_frames(ds: Dataset, basis: Basis) -> None:
    """Image Pixel and multi-frame modules; frames run by segment, then along the grid's frames."""
    labels = np.asarray(basis.grid.place(basis.knee.subregion_labels, 0), dtype=np.uint8)
    occupied = _occupied_frames(labels)
    groups = FrameGroups(basis, basis.templates.concepts["segmentation"])
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


def _segment(basis: Basis, number: int, subregion: Subregion) -> Dataset:
    """Segment Description macro (PS3.3 C.8.20.2)."""
    templates = basis.templates
    region = item(
        **{element.keyword: element.value for element in code_item(templates.bones[subregion.bone])},
        AnatomicRegionModifierSequence=[code_item(templates.sides[basis.side])],
    )
    return item(
        SegmentNumber=number,
        SegmentLabel=f"{basis.side.value} {templates.bones[subregion.bone].meaning} {subregion.name}",
        SegmentedPropertyCategoryCodeSequence=[code_item(templates.concepts["tissue"])],
        SegmentedPropertyTypeCodeSequence=[code_item(templates.concepts["bone_tissue"])],
        AnatomicRegionSequence=[region],
        SegmentAlgorithmType="AUTOMATIC",
        SegmentAlgorithmName=basis.text("algorithm"),
        SegmentationAlgorithmIdentificationSequence=[_algorithm(basis)],
        RecommendedDisplayCIELabValue=_colour(basis, subregion),
        TrackingID=basis.tracking_id(subregion.name),
        TrackingUID=basis.tracking_uid(subregion.name),
    )


def _algorithm(basis: Basis) -> Dataset:
    """Algorithm Identification macro (PS3.3 table 10-19)."""
    return item(
        AlgorithmFamilyCodeSequence=[code_item(basis.templates.concepts["artificial_intelligence"])],
        AlgorithmName=basis.text("algorithm"),
        AlgorithmVersion=basis.node.software_version,
        AlgorithmParameters=f"bundle={basis.bundle} sha256={basis.result.bundle_digest}",
    )


def _colour(basis: Basis, subregion: Subregion) -> list[int]:
    """L*, a* and b* as 16-bit integers (PS3.3 C.10.7.1.1); a* and b* run from -128 to 127."""
    colours = basis.templates.colours
    hue = math.radians(colours.golden_angle_deg * subregion.number)
    lightness = colours.lightness[subregion.bone] / 100.0
    a, b = colours.chroma * math.cos(hue), colours.chroma * math.sin(hue)
    return [round(lightness * 0xFFFF), *(round((v + 128.0) / 255.0 * 0xFFFF) for v in (a, b))]
