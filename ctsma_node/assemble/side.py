"""The side that an instance's header names, wherever its class has a place for it."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import items, texts

_WORDS = {"LEFT": "L", "RIGHT": "R"}


def named_sides(ds: Dataset) -> frozenset[str]:
    """The values of Laterality (0020,0060), Image Laterality (0020,0062) and Frame Laterality (0020,9072).

    L and R where the header means them, in whatever letters; any other value as it stands, in upper case.
    """
    places = [(ds, "Laterality"), (ds, "ImageLaterality")]
    places += [(item, "FrameLaterality") for item in _anatomy(ds)]
    values = (value.upper() for place, keyword in places for value in texts(place, keyword))
    return frozenset(_WORDS.get(value, value) for value in values if value)


def _anatomy(ds: Dataset) -> Iterator[Dataset]:
    """The Frame Anatomy macro of a multi-frame instance, shared or of each frame (PS3.3 C.7.6.16.2.8)."""
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in items(ds, keyword):
            yield from items(group, "FrameAnatomySequence")
