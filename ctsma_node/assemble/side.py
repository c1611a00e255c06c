"""The side that an instance's header names, wherever its class has a place for it."""

from __future__ import annotations

from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import texts
from ctsma_node.assemble.places import places

_KEYWORDS = ("Laterality", "ImageLaterality", "FrameLaterality")
_WORDS = {"LEFT": "L", "RIGHT": "R"}


def named_sides(ds: Dataset) -> frozenset[str]:
    """The values of Laterality (0020,0060), Image Laterality (0020,0062) and Frame Laterality (0020,9072).

    The last stands in the Frame Anatomy macro (PS3.3 C.7.6.16.2.8). L and R where the header means them, in
    whatever letters; any other value as it stands, in upper case.
    """
    found = (
        value.upper()
        for place in places(ds, "FrameAnatomySequence")
        for keyword in _KEYWORDS
        for value in texts(place, keyword)
    )
    return frozenset(_WORDS.get(value, value) for value in found if value)
