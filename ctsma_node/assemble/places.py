"""Where a multi-frame instance says what a single-frame one says at its top level."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import items

_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_CONVERTED = ("UnassignedSharedConvertedAttributesSequence", "UnassignedPerFrameConvertedAttributesSequence")


def places(ds: Dataset, macro: str) -> Iterator[Dataset]:
    """The instance itself, then a macro of its frames, shared or of each (PS3.3 C.7.6.16).

    Beside the macro lies what a conversion from single frames found no macro for (PS3.3 C.7.6.16.2.25 and
    26): of a Legacy Converted Enhanced CT, most of what a scanner said.
    """
    yield ds
    for keyword in _GROUPS:
        for group in items(ds, keyword):
            for each in (macro, *_CONVERTED):
                yield from items(group, each)
