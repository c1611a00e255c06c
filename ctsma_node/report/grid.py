"""The planes that every image of a report shares: the grid of the analysis with a border.

OHIF 3.13 shows 1-bit segmentations wrongly where Rows x Columns is no multiple of 8, so rows and columns are
padded to multiples of 8 (150 x 150 to 152 x 152).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_MULTIPLE = 8


@dataclass(frozen=True)
class Grid:
    """`frames` sagittal planes of rows x columns; `affine` maps (column, row, frame) to LPS mm.

    Frames ascend along n = row direction x column direction (PS3.3 C.7.6.2.1.1). Viewers that put the frames
    of a parametric map in file order expect that.
    """

    affine: npt.NDArray[np.float64]
    frames: int
    rows: int
    columns: int
    before: tuple[int, int]  # border in front of the analysed rows and columns
    reversed: bool  # the analysis counts its planes against n

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of neighbouring columns, rows and frames, in mm."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(i), float(j), float(k)

    @property
    def orientation(self) -> list[str]:
        """Image Orientation (Patient): the directions along a row and along a column."""
        directions = self.affine[:3, :2] / np.array(self.spacing[:2])
        return [decimal(v, 10) for v in directions.T.ravel()]

    @property
    def pixel_spacing(self) -> list[str]:
        """Pixel Spacing: between rows, then between columns."""
        return [decimal(self.spacing[1]), decimal(self.spacing[0])]

    def position(self, frame: int) -> list[str]:
        """Image Position (Patient) of a frame: the centre of its first pixel."""
        return [decimal(v) for v in (self.affine @ np.array([0, 0, frame, 1.0]))[:3]]

    def to_index(self, lps: tuple[float, float, float]) -> tuple[float, float, float]:
        """Fractional (column, row, frame) of a point in LPS mm."""
        i, j, k = (np.linalg.inv(self.affine) @ np.array([*lps, 1.0]))[:3]
        return float(i), float(j), float(k)

    def place(self, array: npt.NDArray[np.generic], border: float) -> npt.NDArray[np.generic]:
        """An array [k, j, i] of the analysis as [frame, row, column], `border` around it."""
        ordered = array[::-1] if self.reversed else array
        placed = np.full((self.frames, self.rows, self.columns), border, dtype=array.dtype)
        top, left = self.before
        placed[:, top : top + array.shape[1], left : left + array.shape[2]] = ordered
        return placed


def grid_of(shape: tuple[int, ...], affine: npt.NDArray[np.float64]) -> Grid:
    """The grid that holds arrays [k, j, i] of the analysis with this affine, (i, j, k) to LPS mm.

    Raises:
        ValueError: the axes are not at right angles, so that no image planes can carry them.
    """
    frames, rows, columns = shape
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if not np.allclose(unit.T @ unit, np.eye(3), atol=1e-4):
        raise ValueError("the axes of the analysed volume are not at right angles")
    against = float(np.linalg.det(unit)) < 0
    padded = [size + -size % _MULTIPLE for size in (rows, columns)]
    top, left = (padded[0] - rows) // 2, (padded[1] - columns) // 2
    moved = affine.astype(np.float64).copy()
    if against:
        moved[:3, 3] += (frames - 1) * moved[:3, 2]
        moved[:3, 2] *= -1
    moved[:3, 3] -= left * moved[:3, 0] + top * moved[:3, 1]
    return Grid(moved, frames, padded[0], padded[1], (top, left), against)


def decimal(value: float, places: int = 6) -> str:
    """A Decimal String (at most 16 characters) with no negative zero."""
    text = f"{value:.{places}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
