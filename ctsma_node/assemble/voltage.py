"""The tube voltage of an image, wherever its class has a place for it."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import number
from ctsma_node.assemble.places import places

_POSSIBLE = (40.0, 200.0)
"""kV; anything else is what a writer left unset."""


def tube_voltage(headers: Iterable[Dataset]) -> float | None:
    """KVP (0018,0060) of a series in kV; None where its images name none, or several."""
    found = tube_voltages(headers)
    return found.pop() if len(found) == 1 else None


def tube_voltages(headers: Iterable[Dataset]) -> set[float]:
    """Each that is named; a multi-frame instance does in the CT X-Ray Details macro (PS3.3 C.8.15.3.9)."""
    named = {number(place, "KVP") for ds in headers for place in places(ds, "CTXRayDetailsSequence")}
    return {kv for kv in named if kv is not None and _POSSIBLE[0] <= kv <= _POSSIBLE[1]}
