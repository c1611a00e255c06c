"""Whether a series is complete, told from the geometry of what has arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ctsma_node.assemble.stack import (
    fit_stack,
    largest_stray,
    missing_slices,
    one_orientation,
    order_along,
    planes,
    tolerance,
)

MIN_SLICES = 30
"""Fewer evenly spaced slices than this may well be the beginning of a series."""


@dataclass(frozen=True)
class InstanceGeometry:
    """What the receiver noted of one instance; None where the header had no readable value."""

    sop_instance_uid: str
    rows: int
    columns: int
    number_of_frames: int
    position: tuple[float, float, float] | None  # LPS mm
    orientation: tuple[float, float, float, float, float, float] | None  # row, column


def geometry_complete(instances: Sequence[InstanceGeometry], min_slices: int = MIN_SLICES) -> bool:
    """True where the instances form one whole stack: one orientation, evenly spaced, no gap, enough slices.

    Slices missing at an end cannot be seen, hence the quiet time after this. A multi-frame instance is
    complete in itself. False (wait for the long quiet time) where geometry
    cannot tell, as with a stray localizer.
    """
    if not instances:
        return False
    if any(each.number_of_frames > 1 for each in instances):
        return all(each.number_of_frames > 1 for each in instances)
    if len(Counter((each.rows, each.columns) for each in instances)) > 1:
        return False
    places = [(each.position, each.orientation) for each in instances if each.position and each.orientation]
    if len(places) < len(instances):
        return False
    positions = np.array([position for position, _ in places], dtype=np.float64)
    orientations = np.array([orientation for _, orientation in places], dtype=np.float64)
    try:
        return one_orientation(orientations) and _whole(positions, orientations, min_slices)
    except (ValueError, ArithmeticError):  # directions that are none, places that overflow
        return False


def _whole(
    positions: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    orientations: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    min_slices: int,
) -> bool:
    """Whether slices of one orientation fill evenly spaced planes, every plane equally often."""
    positions = positions[order_along(positions, orientations[0])]
    stack = fit_stack(positions, orientations)
    held = planes(stack.along)
    if len(held) < min_slices or len(set(held.tolist())) > 1:
        return False
    # A second reconstruction or phase holds every plane twice: one slice of each plane tells the spacing.
    once = fit_stack(positions[:: int(held[0])], orientations[: len(held)])
    along, within = largest_stray(once)
    return not missing_slices(once.along) and max(along, within) <= tolerance(once.spacing)
