"""Pixel data against what the header says of them (PS3.3 C.7.6.3, PS3.5 8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import RLELossless

from ctsma_node.validation.attributes import Element, tag_of
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance

_FLOATS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
_KEYWORDS = ("PixelData", *_FLOATS)


def check_pixels(instance: Instance) -> Iterator[Finding]:
    """Length, depth, number of frames, and that floats are finite numbers."""
    ds = instance.ds
    yield from _frames(instance)
    held = [keyword for keyword in _KEYWORDS if keyword in ds]
    if len(held) > 1:
        sentence = "An image has its pixels in one attribute only."
        yield instance.finding("pixel_data", held[1], "PS3.3 C.7.6.3", sentence)
    for keyword in held[:1]:
        element = ds.elements[tag_of(keyword)]
        yield from _depth(instance, keyword)
        if element.fragments is not None:
            yield from _fragments(instance, element)
        else:
            yield from _length(instance, keyword, element)


def number_of_frames(instance: Instance) -> int:
    """Number of Frames; 1 where it is absent."""
    return instance.ds.integer("NumberOfFrames", absent=1)


def _frames(instance: Instance) -> Iterator[Finding]:
    """Number of Frames is that of the items of the per-frame functional groups (C.7.6.16)."""
    ds, path = instance.ds, "PerFrameFunctionalGroupsSequence"
    if path in ds and len(ds.items(path)) != number_of_frames(instance):
        sentence = f"It has {len(ds.items(path))} items, the image {number_of_frames(instance)} frames."
        yield instance.finding("number_of_frames", path, "PS3.3 C.7.6.16", sentence)


def _depth(instance: Instance, keyword: str) -> Iterator[Finding]:
    """Bits Allocated, Bits Stored and High Bit (PS3.5 8.1.1)."""
    ds, clause = instance.ds, "PS3.5 8.1.1"
    allocated, stored = ds.integer("BitsAllocated"), ds.integer("BitsStored")
    if keyword in _FLOATS:
        if allocated != _FLOATS[keyword]:
            sentence = f"It is {_FLOATS[keyword]} for {keyword}."
            yield instance.finding("pixel_depth", "BitsAllocated", "PS3.3 C.7.6.24", sentence)
        return
    if allocated != 1 and allocated % 8:
        yield instance.finding("pixel_depth", "BitsAllocated", clause, "It is 1 or a multiple of 8.")
    if not 0 < stored <= allocated:
        yield instance.finding(
            "pixel_depth", "BitsStored", clause, "It is more than Bits Allocated, or none."
        )
    if ds.integer("HighBit", absent=-1) != stored - 1:
        yield instance.finding("pixel_depth", "HighBit", clause, "It is one less than Bits Stored.")


def _length(instance: Instance, keyword: str, element: Element) -> Iterator[Finding]:
    """Rows x columns x samples x frames x bits, made even (PS3.5 8.1.1, 8.2)."""
    ds = instance.ds
    pixels = ds.integer("Rows") * ds.integer("Columns") * ds.integer("SamplesPerPixel", absent=1)
    bits = pixels * number_of_frames(instance) * ds.integer("BitsAllocated")
    if ds.text("PhotometricInterpretation") in ("YBR_FULL_422", "YBR_PARTIAL_422"):
        bits = bits * 2 // 3
    wanted = (bits + 7) // 8
    wanted += wanted % 2
    if len(element.value) != wanted:
        sentence = f"It has {len(element.value)} bytes, where the header describes {wanted}."
        yield instance.finding("pixel_length", keyword, "PS3.5 8.1.1", sentence)
    elif keyword in _FLOATS and not np.isfinite(floats(element)).all():
        count = int(np.count_nonzero(~np.isfinite(floats(element))))
        sentence = f"{count} of its values are infinite or no number."
        yield instance.finding("not_finite", keyword, "PS3.3 C.7.6.24", sentence)


def _fragments(instance: Instance, element: Element) -> Iterator[Finding]:
    """At least one fragment for each frame, none empty (PS3.5 A.4)."""
    fragments, frames = element.fragments or (), number_of_frames(instance)
    if len(fragments) < frames:
        sentence = f"It has {len(fragments)} fragments for {frames} frames."
        yield instance.finding("pixel_length", "PixelData", "PS3.5 A.4", sentence)
    if 0 in fragments:
        yield instance.finding("pixel_length", "PixelData", "PS3.5 A.4", "A fragment is empty.")


def floats(element: Element) -> npt.NDArray[np.floating[Any]]:
    """The values of Float or Double Float Pixel Data, flat."""
    return np.frombuffer(element.value, "<f4" if element.tag == tag_of("FloatPixelData") else "<f8")


def stored_frames(instance: Instance) -> npt.NDArray[Any] | None:
    """Stored values [frame, row, column] of one sample; bits as 0 and 1; None where they cannot be read.

    Native pixels and RLE are read, since results are in these; their length has to be right.
    """
    ds = instance.ds
    keyword = next((each for each in _KEYWORDS if each in ds), None)
    shape = (number_of_frames(instance), ds.integer("Rows"), ds.integer("Columns"))
    if keyword is None or 0 in shape or ds.integer("SamplesPerPixel", absent=1) != 1:
        return None
    element = ds.elements[tag_of(keyword)]
    try:
        if element.fragments is not None:
            return _decoded(instance, element.value, shape)
        return _native(
            keyword, element, ds.integer("BitsAllocated"), ds.integer("PixelRepresentation"), shape
        )
    except (ValueError, RuntimeError, KeyError):
        return None


def _native(
    keyword: str, element: Element, bits: int, signed: int, shape: tuple[int, int, int]
) -> npt.NDArray[Any] | None:
    if keyword in _FLOATS:
        return floats(element).reshape(shape)
    if bits == 1:
        count = shape[0] * shape[1] * shape[2]
        packed = np.frombuffer(element.value, np.uint8)
        return np.unpackbits(packed, bitorder="little", count=count).reshape(shape)
    dtype = f"<{'i' if signed else 'u'}{bits // 8}"
    count = shape[0] * shape[1] * shape[2]
    return np.frombuffer(element.value, dtype, count=count).reshape(shape)


def _decoded(instance: Instance, encapsulated: bytes, shape: tuple[int, int, int]) -> npt.NDArray[Any] | None:
    if instance.transfer_syntax_uid != RLELossless:
        return None
    ds = instance.ds
    options: dict[str, Any] = {
        "rows": shape[1],
        "columns": shape[2],
        "number_of_frames": shape[0],
        "samples_per_pixel": 1,
        "bits_allocated": ds.integer("BitsAllocated"),
        "bits_stored": ds.integer("BitsStored"),
        "pixel_representation": ds.integer("PixelRepresentation"),
        "photometric_interpretation": ds.text("PhotometricInterpretation"),
        "pixel_keyword": "PixelData",
    }
    array, _ = get_decoder(RLELossless).as_array(encapsulated, raw=True, **options)
    return np.asarray(array).reshape(shape)
