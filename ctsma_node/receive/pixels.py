"""Are all pixels there? Lengths alone, nothing is decoded (PS3.5 8.1 native, A.4 encapsulated)."""

from __future__ import annotations

from dataclasses import dataclass
from io import SEEK_END, BytesIO
from typing import Literal

_UNDEFINED = 0xFFFFFFFF
_ITEM = 0xFFFEE000
_SEQUENCE_DELIMITER = 0xFFFEE0DD
_TAG_AND_LENGTH = 8


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the value of Pixel Data (7FE0,0010) starts, and the length its header gives."""

    start: int  # byte offset in the encoded dataset
    length: int
    little_endian: bool


def pixels_are_whole(stream: BytesIO, pixels: PixelElement, native_length: int | None) -> bool:
    """Say whether the value is as long as its header, the fragments or the image size say.

    Of a stream that lies in a file only the headers of the items are read.

    `native_length` is what native pixels take, in bytes; None when the header does not say.
    """
    if pixels.length == _UNDEFINED:
        return _fragments_are_whole(stream, pixels)
    if pixels.start + pixels.length > stream.seek(0, SEEK_END):
        return False
    return native_length is None or pixels.length >= native_length


def _fragments_are_whole(stream: BytesIO, pixels: PixelElement) -> bool:
    """Walk over the items; the first is the offset table, at least one fragment must follow."""
    position, items = pixels.start, 0
    while True:
        stream.seek(position)
        head = stream.read(_TAG_AND_LENGTH)
        if len(head) < _TAG_AND_LENGTH:
            return False
        tag, length = _item(head, pixels.little_endian)
        if tag == _SEQUENCE_DELIMITER:
            return items >= 2
        if tag != _ITEM or length == _UNDEFINED:
            return False
        position += _TAG_AND_LENGTH + length
        items += 1


def _item(eight: bytes, little_endian: bool) -> tuple[int, int]:
    order: Literal["little", "big"] = "little" if little_endian else "big"
    group = int.from_bytes(eight[0:2], order)
    element = int.from_bytes(eight[2:4], order)
    return group << 16 | element, int.from_bytes(eight[4:8], order)
