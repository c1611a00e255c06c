"""Stored pixel values to Hounsfield units, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, RLELossless

from ctsma_node.assemble.attributes import bits16, whole
from ctsma_node.assemble.bits import high_bit_elsewhere, lower_bits, lower_end, may_be_wider, own_bits
from ctsma_node.assemble.decoding import Decoder, Stored
from ctsma_node.assemble.faults import raise_if_of_the_system
from ctsma_node.assemble.image_pixel import state, understood
from ctsma_node.assemble.refusals import refused
from ctsma_node.assemble.series import FrameGeometry
from ctsma_node.assemble.syntax import DECODABLE, NATIVE, transfer_syntax

HU = npt.NDArray[np.float32]

_BITS_AS_FOUND = NATIVE | {RLELossless}
"""The other compressors keep Bits Stored of a value and no more."""

AIR_HU = -1024.0
"""Padding, and what scanners put outside the reconstruction circle (-1024 to -8192), become this."""
_HIGHEST_HU = 32767.0
"""Beyond any CT number: a negative padding value that was stored as an unsigned one."""
_HIGHEST_TISSUE_HU = 3071.0
"""The end of the 12 bits of a scanner: above it there is metal, or nothing that was measured."""
_HIGHEST_SIGNED = 32767
_CERTAINLY_OUTSIDE_HU = -1000.0
_CORNERS = ((0, 0), (0, -1), (-1, 0), (-1, -1))


def read_hu(path: Path, frames: Sequence[FrameGeometry], header: Dataset, decoder: Decoder) -> Iterator[HU]:
    """HU (rows, columns) of some frames of one instance, in the order given; the file is read once for all.

    Raises Refused and OSError as `read_stored`.
    """
    for frame, stored in zip(frames, read_stored(path, frames, decoder), strict=True):
        yield to_hu(stored, frame, header)


def read_stored(path: Path, frames: Sequence[FrameGeometry], decoder: Decoder) -> Iterator[Stored]:
    """Decode some frames (rows, columns) of one instance, in the order given; compressed ones by `decoder`.

    Unused high bits, where old overlays live, are cleared (PS3.5 8.1.1).
    Raises Refused: missing, truncated or undecodable pixels, unsupported transfer syntax, values in the high
    bits or too large for theirs; OSError where the system does not give the file.
    """
    ds, syntax = _open(path)
    if high_bit_elsewhere(ds):
        untouched = _decoded(path, ds, syntax, frames, decoder, clear=False)
        yield from (lower_end(stored, ds) for stored in untouched)
    elif syntax in _BITS_AS_FOUND and may_be_wider(ds):
        untouched = _decoded(path, ds, syntax, frames, decoder, clear=False)
        yield from (own_bits(stored, ds) for stored in untouched)
    else:
        yield from _decoded(path, ds, syntax, frames, decoder, clear=True)


def _decoded(
    path: Path, ds: Dataset, syntax: UID, frames: Sequence[FrameGeometry], decoder: Decoder, *, clear: bool
) -> Iterator[Stored]:
    indices = [frame.index for frame in frames]
    if syntax in NATIVE:
        if ds[
            "PixelData"
        ].is_undefined_length:  # fragments (PS3.5 A.4): their headers would be read as pixels
            raise refused("undecodable_pixels", count=1)
        if len(ds.PixelData) < _native_bytes(ds):
            raise refused("truncated_pixels", count=1)
        yield from _native(ds, syntax, indices, frames, clear=clear)
        return
    shapes = {(frame.rows, frame.columns) for frame in frames}
    shape = shapes.pop()
    if shapes or shape[0] is None or shape[1] is None:
        raise refused("undecodable_pixels", count=1)
    # pydicom's own RLE: the plugin's panics on damaged segments end the process.
    plugin = "pydicom" if syntax == RLELossless else ""
    yield from decoder.frames(
        path, syntax, plugin, indices, (shape[0], shape[1]), stated=understood(ds), clear=clear
    )


def _native(
    ds: Dataset, syntax: UID, indices: Sequence[int], frames: Sequence[FrameGeometry], *, clear: bool
) -> Iterator[Stored]:
    decoded = get_decoder(syntax).iter_array(ds, indices=indices, raw=True, correct_unused_bits=clear)
    for frame in frames:
        try:
            pixels, _ = next(decoded)
        except Exception as error:  # whatever attributes that contradict one another make pydicom raise
            raise refused("undecodable_pixels", count=1) from error
        if pixels.shape != (frame.rows, frame.columns):
            raise refused("undecodable_pixels", count=1)
        yield pixels


def to_hu(stored: Stored, frame: FrameGeometry, header: Dataset) -> HU:
    """HU = slope x stored + intercept (PS3.3 C.11.1), padding and whatever lies below as -1024.

    MONOCHROME1 turns the display around, not the values, and needs nothing here.
    """
    if frame.rescale_slope is None or frame.rescale_intercept is None:
        raise refused("no_calibrated_hu", why="Rescale Slope or Rescale Intercept is absent")
    hu = stored.astype(np.float32)  # 16 bits times any slope: exact to 1e-3 HU
    hu *= np.float32(frame.rescale_slope)
    hu += np.float32(frame.rescale_intercept)
    outside = _outside(stored, hu, header)
    if outside is not None:
        # A padding value that is also a tissue's (0 in signed data is water) pads from the border inwards.
        hu[outside & ((hu < _CERTAINLY_OUTSIDE_HU) | _touching_border(outside))] = AIR_HU
    np.maximum(hu, np.float32(AIR_HU), out=hu)
    return hu


def _open(path: Path) -> tuple[Dataset, UID]:
    try:
        ds = dcmread(path, force=True)
        syntax, empty = transfer_syntax(ds), not ds.get("PixelData")
    except Exception as error:  # damaged bytes raise nearly anything
        raise_if_of_the_system(error)
        raise refused("unreadable", count=1, total=1) from error
    if syntax not in DECODABLE:
        raise refused("unsupported_transfer_syntax", count=1)
    if empty:
        raise refused("missing_pixels", count=1)
    state(ds, understood(ds))
    ds.file_meta.TransferSyntaxUID = syntax
    return ds, syntax


def _native_bytes(ds: Dataset) -> int:
    """Length that Pixel Data must have where it is not compressed."""
    length = 1
    for keyword in ("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames"):
        length *= whole(ds, keyword) or 1
    return length * (whole(ds, "BitsAllocated") or 16) // 8


def _outside(stored: Stored, hu: HU, header: Dataset) -> npt.NDArray[np.bool_] | None:
    """Where padding stands: by Pixel Padding Value or the range up to its limit (PS3.3 C.7.5.1.1.2), or by
    values that no CT number has; None where there is none.
    """
    outside = hu > _HIGHEST_HU
    for value in _wrapped(stored, hu):
        outside |= stored == value
    for low, high in _padding(header):
        outside |= (stored >= low) & (stored <= high)
    return outside if outside.any() else None


def _wrapped(stored: Stored, hu: HU) -> set[int]:
    """Negative padding values that were stored as unsigned ones, whatever HU their rescale makes of them.

    Only those of a corner, above all tissue: a corner lies outside of the circle of reconstruction, where
    there is no metal.
    """
    if stored.dtype != np.uint16:
        return set()
    found = (stored > _HIGHEST_SIGNED) & (hu > _HIGHEST_TISSUE_HU)
    return {int(stored[corner]) for corner in _CORNERS if found[corner]}


def _padding(header: Dataset) -> Iterator[tuple[int, int]]:
    """The lowest and the highest stored value of padding: as the header names them, and as they were stored.

    A writer may pad with a value that Bits Stored has no room for (-2000 in 12 unsigned bits): its lower bits
    are left of it, as of every value, and look like bone.
    """
    signed = whole(header, "PixelRepresentation") == 1
    value = bits16(header, "PixelPaddingValue", signed=signed)
    if value is None:
        return
    limit = bits16(header, "PixelPaddingRangeLimit", signed=signed)
    low, high = sorted((value, value if limit is None else limit))
    yield low, high
    bits = whole(header, "BitsStored") or 16
    lowest, highest = (lower_bits(end, bits, signed=signed) for end in (low, high))
    if highest - lowest == high - low:  # else an end lies within the bits: what is meant, nobody knows
        yield lowest, highest


def _touching_border(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The connected parts of a mask (rows, columns) that reach the edge of the frame."""
    from scipy import ndimage  # the limits of the gate are read where SciPy has no business

    labels, _ = ndimage.label(mask)
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.isin(labels, edge[edge > 0])
