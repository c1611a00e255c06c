"""The geometry of a stack of slices, from positions and orientations alone (PS3.3 C.7.6.2).

Instance Number, Slice Location, Spacing Between Slices and Gantry/Detector Tilt are never asked: they are
optional, differ between vendors, and lie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SAME_DIRECTION = 2e-3
"""Largest difference of a direction cosine between slices of one orientation: rounding to three decimals."""
SAME_PLANE_MM = 0.02
"""Slices nearer than this along the normal lie in one plane; increments start at 0.1 mm."""
ROUNDING_MM = 0.06
"""Positions rounded to a tenth of a millimetre stray by half of it from the line they stand for."""
JITTER = 0.02
"""Share of the spacing that a slice may stray beyond rounding."""
GAP = 1.7
"""A step this many times the usual one is a gap and not jitter."""


@dataclass(frozen=True)
class Stack:
    """Parallel slices k = 0..n-1 in the order of the normal, and the straight line through their positions.

    All vectors are LPS; `row` points along increasing i, `column` along j, `normal` = row x column.
    """

    row: Array  # (3,) unit
    column: Array  # (3,) unit
    normal: Array  # (3,) unit
    origin: Array  # (3,) mm, fitted position of slice 0
    step: Array  # (3,) mm from slice to slice; not along the normal where the stack is sheared
    along: Array  # (n,) mm, positions along the normal
    strays: Array  # (n, 3) mm from the fitted line, along row, column and normal

    @property
    def spacing(self) -> float:
        """Mean distance of neighbouring planes, mm along the normal."""
        return float(self.step @ self.normal)

    @property
    def coverage(self) -> float:
        """Distance of the outer planes, mm."""
        return float(self.along[-1] - self.along[0])

    @property
    def tilt(self) -> float:
        """Angle between step and normal in degrees: the gantry's tilt, 0 for a straight stack."""
        sideways = float(np.linalg.norm(self.step - self.spacing * self.normal))
        return float(np.degrees(np.arctan2(sideways, abs(self.spacing))))


def axes(orientation: npt.ArrayLike) -> Array:
    """Unit row, column and normal (3 x 3, one per line) of six direction cosines (PS3.3 C.7.6.2.1.1).

    Cosines rounded to few decimals are normalised and made orthogonal. Raises ValueError where they are no
    directions: far from unit length, or far from a right angle.
    """
    row, column = np.asarray(orientation, dtype=np.float64).reshape(2, 3)
    lengths = np.array([np.linalg.norm(row), np.linalg.norm(column)])
    if np.any(np.abs(lengths - 1.0) > 0.05):
        raise ValueError("direction cosines are not of unit length")
    row, column = row / lengths[0], column / lengths[1]
    if abs(float(row @ column)) > 0.02:
        raise ValueError("row and column are not at a right angle")
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    # Row and column share the blame for what is missing to a right angle.
    middle = (row + column) / np.linalg.norm(row + column)
    across = np.cross(normal, middle)
    return np.stack([(middle - across) / np.sqrt(2.0), (middle + across) / np.sqrt(2.0), normal])


def one_orientation(orientations: Array) -> bool:
    """Whether all (n, 6) orientations are the first one, up to rounding."""
    return not differing(orientations).any()


def differing(orientations: Array) -> npt.NDArray[np.bool_]:
    """Which (n,) of the (n, 6) orientations are not the first one, beyond rounding."""
    directions = np.array([axes(each) for each in orientations])
    return np.asarray(np.any(np.abs(directions - directions[0]) > SAME_DIRECTION, axis=(1, 2)))


def fit_stack(positions: Array, orientations: Array) -> Stack:
    """Fit slices in the order given, positions (n, 3) and orientations (n, 6), by least squares.

    The orientation is the mean of those that agree with the first one.
    """
    agreeing = orientations[~differing(orientations)]
    row, column, normal = axes(np.mean([axes(each)[:2].ravel() for each in agreeing], axis=0))
    n = len(positions)
    centre = positions.mean(axis=0)
    k = np.arange(n) - (n - 1) / 2
    step = (k @ (positions - centre)) / (k @ k) if n > 1 else normal
    fitted = centre + k[:, None] * step
    return Stack(
        row=row,
        column=column,
        normal=normal,
        origin=fitted[0],
        step=step,
        along=positions @ normal,
        strays=(positions - fitted) @ np.stack([row, column, normal], axis=1),
    )


def order_along(positions: Array, orientation: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Order (n,) of positions (n, 3) along the normal of one orientation; equal planes keep their order."""
    return np.argsort(positions @ axes(orientation)[2], kind="stable")


def planes(along: Array) -> npt.NDArray[np.intp]:
    """How many slices lie in each plane, for ascending distances (n,) along the normal."""
    starts = np.flatnonzero(np.diff(along, prepend=-np.inf) > SAME_PLANE_MM)
    return np.diff(starts, append=len(along))


def missing_slices(along: Array) -> int:
    """How many slices are missing inside ascending distances (n,) along the normal, each plane held once.

    The usual step is the lower quartile, so that a stack of which every third slice is missing is seen too.
    """
    steps = np.diff(along)
    if len(steps) < 2:
        return 0
    ratios = steps / np.quantile(steps, 0.25, method="lower")
    return int(np.sum(np.round(ratios[ratios > GAP]) - 1))


def tolerance(spacing: float) -> float:
    """How far a slice may stray from its place, mm: rounding plus a share of the spacing (1 mm: 0.08 mm)."""
    return ROUNDING_MM + JITTER * abs(spacing)


def largest_stray(stack: Stack) -> tuple[float, float]:
    """Largest distance from the fitted line, mm: along the normal, and within the plane."""
    strays = np.abs(stack.strays)
    return float(strays[:, 2].max()), float(strays[:, :2].max())
