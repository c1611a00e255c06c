"""Where the voxels of a result lie in an image of the set: by positions and directions, not by counting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import KneeResult
from ctsma_node.validation.geometry import Planes, Position

_TOLERANCE = 1e-3  # of a voxel


@dataclass(frozen=True)
class Placement:
    """Rows and columns before the result's first voxel in a frame, and which plane of it each frame is."""

    top: int
    left: int
    planes: tuple[int, ...]  # k of the result for each frame asked for
    shape: tuple[int, int]  # rows and columns of the result

    def inside(self, frames: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The part [frame, row, column] of frames that the result covers."""
        rows, columns = self.shape
        return frames[:, self.top : self.top + rows, self.left : self.left + columns]

    def is_border(self, frames: npt.NDArray[np.generic], value: float) -> bool:
        """Whether there is nothing but `value` around the part that the result covers."""
        bottom, right = self.top + self.shape[0], self.left + self.shape[1]
        around = (
            frames[:, : self.top],
            frames[:, bottom:],
            frames[:, :, : self.left],
            frames[:, :, right:],
        )
        return all(bool(np.all(part == value)) for part in around)


def placement(knee: KneeResult, planes: Planes, positions: Sequence[Position]) -> Placement | None:
    """How frames at these positions, on the grid of these planes, hold the result's arrays [k, j, i].

    None where they do not: axes turned or mirrored, another spacing, voxels that fall between pixels, or
    a part of the result that is outside.
    """
    to_index = np.linalg.inv(knee.affine)
    directions = np.reshape(np.array(planes.orientation, float), (2, 3))
    across, down = directions[0] * planes.pixel_spacing[1], directions[1] * planes.pixel_spacing[0]
    steps = to_index[:3, :3] @ np.column_stack([across, down])
    if not np.allclose(steps, [[1, 0], [0, 1], [0, 0]], atol=_TOLERANCE):
        return None
    places = np.column_stack([np.array(positions, float), np.ones(len(positions))])
    corners = places @ to_index.T[:, :3]  # (i, j, k) of the first pixel of each frame
    whole = np.rint(corners)
    if not np.allclose(corners, whole, atol=0.02) or not np.all(whole[:, :2] == whole[0, :2]):
        return None
    left, top = -int(whole[0, 0]), -int(whole[0, 1])
    k, (depth, rows, columns) = whole[:, 2].astype(int), knee.hu.shape
    fits = top >= 0 and left >= 0 and top + rows <= planes.shape[0] and left + columns <= planes.shape[1]
    if not fits or k.min() < 0 or k.max() >= depth:
        return None
    return Placement(top, left, tuple(map(int, k)), (rows, columns))
