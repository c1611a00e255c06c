"""Multi-frame macros (PS3.3 C.7.6.16) of segmentations and parametric maps on the report's grid."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cached_property

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import CTImageStorage

from ctsma_node.report.basis import Basis
from ctsma_node.report.grid import decimal
from ctsma_node.report.items import CHARACTER_SET, code_item, item, little_endian_buffer, reference_item
from ctsma_node.report.templates import Code

_ITEM = struct.Struct("<HHL")  # group and element of Item (PS3.5 7.5), length
_DIMENSION_VALUES_TAG = (0x0020, 0x9157)
_FRAME_CONTENT_TAG = (0x0020, 0x9111)


def pixel_measures(basis: Basis) -> list[Dataset]:
    """Pixel Measures (C.7.6.16.2.1)."""
    between = decimal(basis.grid.spacing[2])
    return [
        item(
            PixelSpacing=basis.grid.pixel_spacing,
            SliceThickness=between,
            SpacingBetweenSlices=between,
        )
    ]


def plane_orientation(basis: Basis) -> list[Dataset]:
    """Plane Orientation (C.7.6.16.2.4)."""
    return [item(ImageOrientationPatient=basis.grid.orientation)]


def add_dimensions(ds: Dataset, basis: Basis, series: str, pointers: Sequence[tuple[str, str]]) -> None:
    """Multi-frame Dimension module (C.7.6.17) for pairs of (attribute, functional group) keywords."""
    organization = basis.uids.uid(f"dimensions {series}")
    ds.DimensionOrganizationSequence = [item(DimensionOrganizationUID=organization)]
    ds.DimensionIndexSequence = [
        item(
            DimensionOrganizationUID=organization,
            DimensionIndexPointer=tag_for_keyword(attribute),
            FunctionalGroupPointer=tag_for_keyword(group),
        )
        for attribute, group in pointers
    ]


def add_referenced_volume(ds: Dataset, basis: Basis) -> None:
    """Common Instance Reference module (C.12.2): the analysed volume. OHIF shows nothing without it."""
    ds.ReferencedSeriesSequence = [
        item(
            SeriesInstanceUID=basis.series_uid("volume"),
            ReferencedInstanceSequence=[
                reference_item(CTImageStorage, basis.instance_uid("volume", frame + 1))
                for frame in range(basis.grid.frames)
            ],
        )
    ]


class FrameGroups:
    """Encoded items of the Per-frame Functional Groups Sequence; what frames share is encoded once."""

    def __init__(self, basis: Basis, derivation: Code) -> None:
        self._basis = basis
        self._derivation = derivation

    def encoded(self, frame: int, dimension_values: Sequence[int], last_group: bytes = b"") -> bytes:
        """One item: derivation, frame content, position, and an encoded group that sorts after them."""
        before, after = self._encoded_planes[frame]
        return _item(before + _frame_content(dimension_values) + after + last_group)

    @cached_property
    def _encoded_planes(self) -> list[tuple[bytes, bytes]]:
        purpose = code_item(self._basis.templates.concepts["source_image"])
        planes = []
        for frame in range(self._basis.grid.frames):
            source = reference_item(CTImageStorage, self._basis.instance_uid("volume", frame + 1))
            source.SpatialLocationsPreserved = "YES"
            source.PurposeOfReferenceCodeSequence = [purpose]
            derivation = item(
                SourceImageSequence=[source], DerivationCodeSequence=[code_item(self._derivation)]
            )
            position = item(ImagePositionPatient=self._basis.grid.position(frame))
            planes.append(
                (
                    encoded(item(DerivationImageSequence=[derivation])),
                    encoded(item(PlanePositionSequence=[position])),
                )
            )
        return planes


def encoded(ds: Dataset) -> bytes:
    """The elements of a dataset in explicit VR little endian."""
    buffer = little_endian_buffer()
    write_dataset(buffer, ds, CHARACTER_SET)
    return bytes(buffer.getvalue())


def _item(content: bytes) -> bytes:
    return _ITEM.pack(0xFFFE, 0xE000, len(content)) + content


def _frame_content(dimension_values: Sequence[int]) -> bytes:
    """Frame Content Sequence with Dimension Index Values, UL (C.7.6.16.2.2)."""
    values = struct.pack(f"<{len(dimension_values)}L", *dimension_values)
    element = struct.pack("<HH2sH", *_DIMENSION_VALUES_TAG, b"UL", len(values)) + values
    content = _item(element)
    return struct.pack("<HH2sHL", *_FRAME_CONTENT_TAG, b"SQ", 0, len(content)) + content
