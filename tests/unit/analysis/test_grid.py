"""Any acquisition of the same function lands on the analysis grid with the same values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ctsma_node.analysis.grid import AXES, SIZE, SPACING, _along, canonical, knee_affine, resample
from ctsma_node.analysis.result import Side
from ctsma_node.volume import CTVolume, apply

CENTRE = (-91.3, -20.7, 301.2)
PART = (60, 60, 36)
"""Voxels (i, j, k) of the grid's middle, which is compared; the whole of it would take seconds a stack."""
IDENTITY = np.eye(3)
OBLIQUE = Rotation.from_euler("xyz", [12, 20, -8], degrees=True).as_matrix()


def field(points: Any) -> Any:
    """A smooth function of patient space, in HU."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    return (300 * np.sin(x / 6) + 200 * np.cos(y / 7 + z / 9) + 100 * np.sin(z / 5)).astype(np.float32)


def indices(size: tuple[int, int, int]) -> Any:
    i, j, k = (np.arange(n) for n in size)
    return np.stack(np.meshgrid(k, j, i, indexing="ij")[::-1], axis=-1)


def scan(axes: Any, spacing: tuple[float, ...], size: tuple[int, int, int]) -> CTVolume:
    affine = np.eye(4)
    affine[:3, :3] = axes * np.array(spacing)
    affine[:3, 3] = np.array(CENTRE) - affine[:3, :3] @ ((np.array(size) - 1) / 2)
    return CTVolume(field(apply(affine, indices(size))), affine)


def part_affine() -> Any:
    """Of the PART in the middle of the analysis grid, on the same lattice."""
    affine = knee_affine(CENTRE)
    affine[:3, 3] = apply(affine, (np.array(SIZE) - PART) // 2)
    return affine


@pytest.fixture(scope="module")
def straight() -> Any:
    return resample(scan(IDENTITY, (0.7, 0.7, 0.8), (60, 100, 90)), part_affine(), PART)[0]


@pytest.mark.parametrize(
    ("axes", "spacing", "size"),
    [
        pytest.param(np.diag([-1.0, 1.0, -1.0]), (0.7, 0.7, 0.8), (60, 100, 90), id="mirrored and reversed"),
        pytest.param(AXES, (0.7, 0.8, 0.7), (100, 90, 60), id="sagittal"),
        pytest.param(IDENTITY[:, [0, 2, 1]], (0.7, 0.7, 0.9), (60, 100, 80), id="coronal, left-handed"),
        pytest.param(IDENTITY, (0.35, 0.5, 1.0), (120, 140, 72), id="anisotropic"),
        pytest.param(OBLIQUE, (0.7, 0.7, 0.8), (120, 130, 115), id="oblique"),
    ],
)
def test_every_stack_gives_the_values_of_the_straight_one(
    axes: Any, spacing: tuple[float, ...], size: tuple[int, int, int], straight: Any
) -> None:
    values, covered = resample(scan(axes, spacing, size), part_affine(), PART)
    assert covered.all()
    assert np.abs(values - straight).max() < 2.0


def test_values_lie_where_the_affine_says(straight: Any) -> None:
    truth = field(apply(part_affine(), indices(PART)))
    assert np.corrcoef(straight.ravel(), truth.ravel())[0, 1] > 0.9999


def test_beyond_the_scan_is_air_and_not_covered() -> None:
    values, covered = resample(scan(IDENTITY, (0.7, 0.7, 0.8), (80, 250, 210)), knee_affine(CENTRE), SIZE)
    assert covered.any(axis=(1, 2)).sum() == 56  # 80 voxels of 0.7 mm, face to face
    assert (values[~covered] == -1024).all()


def test_the_grid_snaps_to_one_lattice() -> None:
    a, b = knee_affine(CENTRE), knee_affine(np.add(CENTRE, (3.0, -5.0, 4.0)))
    steps = (np.linalg.inv(a) @ b)[:3, 3]
    assert np.allclose(steps, np.round(steps), atol=1e-6)
    assert np.allclose(np.linalg.norm(a[:3, :3], axis=0), SPACING)


def test_left_knees_are_mirrored_and_back() -> None:
    array = np.arange(24).reshape(4, 3, 2)
    assert (canonical(array, Side.RIGHT) == array).all()
    assert (canonical(array, Side.LEFT)[0] == array[-1]).all()
    assert (canonical(canonical(array, Side.LEFT), Side.LEFT) == array).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_matrix_acts_along_one_axis_of_any_view(axis: int) -> None:
    rng = np.random.default_rng(axis)
    data = rng.normal(0, 500, (40, 36, 44)).astype(np.float32)[3:33, 2:34, 5:40]
    matrix = rng.uniform(0, 1, (12, data.shape[axis])).astype(np.float32)
    expected = np.moveaxis(np.tensordot(matrix.astype(float), data.astype(float), axes=(1, axis)), 0, axis)
    np.testing.assert_allclose(_along(matrix, data, axis), expected, atol=1e-5 * np.abs(expected).max())
