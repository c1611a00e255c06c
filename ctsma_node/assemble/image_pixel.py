"""Attributes of the Image Pixel module (PS3.3 C.7.6.3) that decoders demand, where headers leave them out.

One grey sample is what a CT has, and the gate takes a header that does not say so: its pixels are sound. How
wide a value is and whether it has a sign cannot be guessed.
"""

from __future__ import annotations

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import text, whole
from ctsma_node.assemble.refusals import refused
from ctsma_node.errors import Refused

_GREY = frozenset({"", "MONOCHROME1", "MONOCHROME2"})


def understood(ds: Dataset) -> dict[str, int | str]:
    """What goes without saying, by keyword; an attribute that says otherwise is not in it.

    Raises Refused `no_calibrated_hu` where width or sign of the values are not known.
    """
    allocated = whole(ds, "BitsAllocated")
    if not allocated:
        raise _unknown("Bits Allocated (0028,0100)")
    if whole(ds, "PixelRepresentation") is None:
        raise _unknown("Pixel Representation (0028,0103)")
    found: dict[str, int | str] = {"BitsStored": whole(ds, "BitsStored") or _all_bits(ds, allocated)}
    if whole(ds, "SamplesPerPixel") in (None, 1):
        found["SamplesPerPixel"] = 1
    if (interpretation := text(ds, "PhotometricInterpretation").upper()) in _GREY:
        found["PhotometricInterpretation"] = interpretation or "MONOCHROME2"
    return found


def state(ds: Dataset, attributes: dict[str, int | str]) -> None:
    """Write them into a dataset in place of whatever stands there."""
    for keyword, value in attributes.items():
        ds.add_new(keyword, dictionary_VR(keyword), value)


def _all_bits(ds: Dataset, allocated: int) -> int:
    """Bits Stored where it is absent: all that are allocated, unless High Bit says otherwise."""
    if whole(ds, "HighBit") not in (None, allocated - 1):
        raise _unknown("Bits Stored (0028,0101)")
    return allocated


def _unknown(what: str) -> Refused:
    return refused("no_calibrated_hu", why=f"{what} is absent, so that the stored values cannot be read")
