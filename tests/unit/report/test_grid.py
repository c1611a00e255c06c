from __future__ import annotations

import numpy as np
import pytest

from ctsma_node.analysis.result import Side
from ctsma_node.report.grid import decimal, grid_of
from tests.unit.report.knee_results import SHAPE, sagittal_affine


@pytest.mark.parametrize("tilt", [0.0, 17.0])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_voxel_stays_where_it_was(tilt: float, mirrored: bool) -> None:
    affine = sagittal_affine(Side.LEFT, tilt)
    if mirrored:
        affine[:3, 3] += 89 * affine[:3, 2]
        affine[:3, 2] *= -1
    grid = grid_of(SHAPE, affine)
    array = np.zeros(SHAPE, np.float32)
    array[7, 21, 33] = 5.0
    frame, row, column = (int(v) for v in np.argwhere(grid.place(array, 0.0) == 5.0)[0])
    position = np.array([float(v) for v in grid.position(frame)])
    directions = np.array([float(v) for v in grid.orientation]).reshape(2, 3)
    lps = position + column * grid.spacing[0] * directions[0] + row * grid.spacing[1] * directions[1]
    np.testing.assert_allclose(lps, (affine @ [33, 21, 7, 1])[:3], atol=1e-5)
    np.testing.assert_allclose(grid.to_index(tuple(lps)), (column, row, frame), atol=1e-4)


@pytest.mark.parametrize("mirrored", [False, True])
def test_frames_ascend_along_the_normal(mirrored: bool) -> None:
    affine = sagittal_affine(Side.RIGHT, 5.0)
    if mirrored:
        affine[:3, 2] *= -1
    grid = grid_of(SHAPE, affine)
    row, column = np.array([float(v) for v in grid.orientation]).reshape(2, 3)
    first, last = (np.array([float(v) for v in grid.position(k)]) for k in (0, SHAPE[0] - 1))
    assert (last - first) @ np.cross(row, column) > 0


@pytest.mark.parametrize(
    ("shape", "padded"), [((90, 150, 150), (152, 152)), ((3, 8, 16), (8, 16)), ((3, 9, 1), (16, 8))]
)
def test_rows_and_columns_become_multiples_of_eight(
    shape: tuple[int, int, int], padded: tuple[int, int]
) -> None:
    grid = grid_of(shape, np.eye(4))
    assert (grid.rows, grid.columns) == padded
    placed = grid.place(np.ones(shape, np.uint8), 0)
    assert placed.shape == (shape[0], *padded)
    assert placed.sum() == np.prod(shape)


def test_spacing_is_given_between_rows_first() -> None:
    grid = grid_of((4, 8, 8), np.diag([0.9, 0.7, 1.1, 1.0]))
    assert grid.pixel_spacing == ["0.7", "0.9"]
    assert grid.spacing == pytest.approx((0.9, 0.7, 1.1))


def test_sheared_axes_are_refused() -> None:
    affine = np.eye(4)
    affine[0, 2] = 0.2
    with pytest.raises(ValueError, match="right angles"):
        grid_of((4, 8, 8), affine)


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.0, "0"), (-1e-9, "0"), (0.977, "0.977"), (-123.4567891, "-123.456789"), (10, "10")],
)
def test_decimal_strings_are_short_and_plain(value: float, text: str) -> None:
    assert decimal(value) == text
