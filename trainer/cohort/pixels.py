"""Whether Pixel Data is all there, from lengths alone (PS3.5 8 and A.4)."""

from __future__ import annotations

import os
from typing import BinaryIO

from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import whole
from ctsma_node.assemble.syntax import NATIVE, transfer_syntax

PIXEL_DATA = 0x7FE00010
_UNDEFINED = 0xFFFFFFFF
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


def judge_pixels(file: BinaryIO, ds: Dataset, length: int) -> str:
    """ "", "missing_pixels" or "truncated_pixels" of Pixel Data that `file` stands at.

    `length` is what the element claims. The file must hold as many bytes, and as many as Rows x Columns x
    frames need; of encapsulated pixels, every fragment and the delimiter must be there.
    """
    if length == 0:
        return "missing_pixels"
    size = os.fstat(file.fileno()).st_size
    implicit = ds.original_encoding[0]
    value = file.tell() + (8 if implicit else 12)
    if length == _UNDEFINED:
        return "" if _fragments(file, value, size) >= _frames(ds) else "truncated_pixels"
    whole_value = length >= native_bytes(ds) if transfer_syntax(ds) in NATIVE else True
    return "" if whole_value and value + length <= size else "truncated_pixels"


def native_bytes(ds: Dataset) -> int:
    """Length that Pixel Data must have where it is not compressed."""
    bits = whole(ds, "BitsAllocated") or 16
    for keyword in ("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames"):
        bits *= whole(ds, keyword) or 1
    return bits // 8


def _frames(ds: Dataset) -> int:
    return max(whole(ds, "NumberOfFrames") or 1, 1)


def _fragments(file: BinaryIO, value: int, size: int) -> int:
    """Number of whole fragments after the offset table; -1 where the delimiter is not reached."""
    file.seek(value)
    count = -1  # the first item is the Basic Offset Table (PS3.5 A.4)
    while True:
        start = file.read(8)
        if len(start) == 8 and start[:4] == _END:
            return count
        if len(start) < 8 or start[:4] != _ITEM:
            return -1
        end = file.tell() + int.from_bytes(start[4:], "little")
        if end > size:
            return -1
        file.seek(end)
        count += 1
