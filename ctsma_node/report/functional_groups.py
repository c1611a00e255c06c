"""Encoded items of a segmentation's Per-frame Functional Groups Sequence (PS3.3 C.7.6.16)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cached_property

from pydicom.dataset import Dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import CTImageStorage

from ctsma_node.report.basis import Basis
from ctsma_node.report.items import CHARACTER_SET, item, little_endian_buffer, reference_item

_ITEM = struct.Struct("<HHL")  # group and element of Item (PS3.5 7.5), length
_DIMENSION_VALUES_TAG = (0x0020, 0x9157)
_FRAME_CONTENT_TAG = (0x0020, 0x9111)


class FrameGroups:
    """Encodes one item for each frame; what frames share is encoded once."""

    def __init__(self, basis: Basis) -> None:
        self._basis = basis

    def encoded(self, frame: int, dimension_values: Sequence[int], last_group: bytes = b"") -> bytes:
        """One item: derivation, frame content, position, and any encoded group that sorts after them."""
        before, after = self._encoded_planes[frame]
        return _item(before + _frame_content(dimension_values) + after + last_group)

    @cached_property
    def _encoded_planes(self) -> list[tuple[bytes, bytes]]:
        return [
            (
                encoded(item(DerivationImageSequence=[self._derivation(frame)])),
                encoded(
                    item(PlanePositionSequence=[item(ImagePositionPatient=self._basis.grid.position(frame))])
                ),
            )
            for frame in range(self._basis.grid.frames)
        ]

    def _derivation(self, frame: int) -> Dataset:
        """Derivation Image (C.7.6.16.2.6): from the plane of the analysed volume."""
        source = reference_item(CTImageStorage, self._basis.instance_uid("volume", frame + 1))
        source.SpatialLocationsPreserved = "YES"
        source.PurposeOfReferenceCodeSequence = [self._basis.concept("source_image")]
        return item(
            SourceImageSequence=[source], DerivationCodeSequence=[self._basis.concept("segmentation")]
        )


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
