"""The bits of a stored value that count, and where they stand if High Bit (0028,0102) is unusual.

PS3.5 8.1.1 has it at the lower end, High Bit one less than Bits Stored. Old writers put the value at the
upper end; others put it where it belongs and 15 for High Bit. The values tell which.

Bits above Bits Stored mean nothing, unless the values show that they do: a writer that copies the header of
12 bits over wider signed values has them hold the sign below zero and a part of the number above.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from ctsma_node.assemble.attributes import bits16, whole
from ctsma_node.assemble.decoding import Stored
from ctsma_node.assemble.refusals import refused

_WHY = "High Bit (0028,0102) is not Bits Stored (0028,0101) less one, and values fill the bits above"
_WIDER = "the values need more bits than Bits Stored (0028,0101) names"
_OVERLAYS = range(0x6000, 0x6020, 2)
_OVERLAY_BIT_POSITION = 0x0102


def high_bit_elsewhere(ds: Dataset) -> bool:
    """Whether High Bit is there and not one less than Bits Stored."""
    high, bits = whole(ds, "HighBit"), whole(ds, "BitsStored")
    return high is not None and bits is not None and high != bits - 1


def lower_bits(value: int, bits: int, *, signed: bool) -> int:
    """What is left of a number in so many bits."""
    left = value & ((1 << bits) - 1)
    return left - (1 << bits) if signed and left >> (bits - 1) else left


def may_be_wider(ds: Dataset) -> bool:
    """Whether signed values could use bits that are said to be unused, and that hold no overlay."""
    bits, allocated = whole(ds, "BitsStored"), whole(ds, "BitsAllocated")
    if whole(ds, "PixelRepresentation") != 1 or bits is None or allocated is None or bits >= allocated:
        return False
    return not any(_is_overlay(ds, group) for group in _OVERLAYS)


def own_bits(stored: Stored, ds: Dataset) -> Stored:
    """Values with all their bits as they were found, made those of their lower Bits Stored.

    Raises Refused `no_calibrated_hu` where numbers below zero go on into the bits above, and numbers above
    zero do so too: cleared, the latter would be others. Padding may be anything.
    """
    bits = whole(ds, "BitsStored") or 8 * stored.dtype.itemsize
    top = 1 << (bits - 1)
    measured = stored[~_is_padding(stored, ds)]
    extended = measured[(measured < 0) & (measured >= -top)]
    # One value alone may be padding that no attribute names.
    if extended.size and np.ptp(extended) > 0 and measured.max() >= top:
        raise refused("no_calibrated_hu", why=_WIDER)
    return _lower(stored, ds)


def lower_end(stored: Stored, ds: Dataset) -> Stored:
    """Values with all their bits as they were found, made those of their lower Bits Stored.

    Raises Refused `no_calibrated_hu` where a bit above is set otherwise than by its sign.
    """
    width = 8 * stored.dtype.itemsize
    unused = width - (whole(ds, "BitsStored") or width)
    if unused <= 0:
        return stored
    values = _lower(stored, ds)
    plain = stored.view(f"u{stored.dtype.itemsize}") >> (width - unused) == 0
    if not np.all(plain | (values == stored)):
        raise refused("no_calibrated_hu", why=_WHY)
    return values


def _lower(stored: Stored, ds: Dataset) -> Stored:
    width = 8 * stored.dtype.itemsize
    unused = max(width - (whole(ds, "BitsStored") or width), 0)
    values: Stored = np.right_shift(np.left_shift(stored, unused), unused)
    return values


def _is_padding(stored: Stored, ds: Dataset) -> npt.NDArray[np.bool_]:
    named = (bits16(ds, keyword, signed=True) for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"))
    ends = [each for each in named if each is not None]
    if not ends:
        return np.zeros(stored.shape, dtype=bool)
    return np.asarray((stored >= min(ends)) & (stored <= max(ends)))


def _is_overlay(ds: Dataset, group: int) -> bool:
    """Whether an overlay lies in a bit of the pixels: its Overlay Bit Position (60xx,0102) is not 0."""
    tag = Tag(group, _OVERLAY_BIT_POSITION)
    value = ds.get_item(tag).value if tag in ds else None
    return any(value) if isinstance(value, bytes) else bool(value)
