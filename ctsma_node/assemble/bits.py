"""The bits of a stored value that count, and where they stand if High Bit (0028,0102) is unusual.

PS3.5 8.1.1 has it at the lower end, High Bit one less than Bits Stored. Old writers put the value at the
upper end; others put it where it belongs and 15 for High Bit. The values tell which.
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import whole
from ctsma_node.assemble.decoding import Stored
from ctsma_node.assemble.refusals import refused

_WHY = "High Bit (0028,0102) is not Bits Stored (0028,0101) less one, and values fill the bits above"


def high_bit_elsewhere(ds: Dataset) -> bool:
    """Whether High Bit is there and not one less than Bits Stored."""
    high, bits = whole(ds, "HighBit"), whole(ds, "BitsStored")
    return high is not None and bits is not None and high != bits - 1


def lower_bits(value: int, bits: int, *, signed: bool) -> int:
    """What is left of a number in so many bits."""
    left = value & ((1 << bits) - 1)
    return left - (1 << bits) if signed and left >> (bits - 1) else left


def lower_end(stored: Stored, ds: Dataset) -> Stored:
    """Values with all their bits as they were found, made those of their lower Bits Stored.

    Raises Refused `no_calibrated_hu` where a bit above is set otherwise than by its sign.
    """
    width = 8 * stored.dtype.itemsize
    unused = width - (whole(ds, "BitsStored") or width)
    if unused <= 0:
        return stored
    values: Stored = np.right_shift(np.left_shift(stored, unused), unused)
    plain = stored.view(f"u{stored.dtype.itemsize}") >> (width - unused) == 0
    if not np.all(plain | (values == stored)):
        raise refused("no_calibrated_hu", why=_WHY)
    return values
