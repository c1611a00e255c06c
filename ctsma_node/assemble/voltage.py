"""The tube voltage of an image, wherever its class has a place for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import items, number

_POSSIBLE = (40.0, 200.0)
"""kV; anything else is what a writer left unset."""


def tube_voltage(headers: Iterable[Dataset]) -> float | None:
    """KVP (0018,0060) of a series in kV; None where its images name none, or several.

    A multi-frame instance names it in the CT X-Ray Details macro, shared or of each frame (PS3.3
    C.8.15.3.9).
    """
    named = {number(place, "KVP") for header in headers for place in (header, *_details(header))}
    found = {kv for kv in named if kv is not None and _POSSIBLE[0] <= kv <= _POSSIBLE[1]}
    return found.pop() if len(found) == 1 else None


def _details(ds: Dataset) -> Iterator[Dataset]:
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in items(ds, keyword):
            yield from items(group, "CTXRayDetailsSequence")
