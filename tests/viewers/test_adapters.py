"""Segments and maps, read by the library that OHIF reads them with: no voxel is elsewhere or another."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ctsma_node.analysis.result import KneeResult, Parameter, Side
from ctsma_node.report import ReportObject
from ctsma_node.report.grid import grid_of
from ctsma_node.report.parametric_map import values_by_voxel
from tests.unit.report.knee_results import knee

Objects = tuple[ReportObject, ...]
every_side = pytest.mark.parametrize("side", list(Side))


@every_side
def test_every_voxel_is_in_its_segment(
    cornerstone: list[str | Path], objects: Objects, folder: Path, tmp_path: Path, side: Side
) -> None:
    path = of_kind(objects, folder, "segmentation", side)[0]
    read = read_by(cornerstone, "segmentation", path, of_kind(objects, folder, "volume", side), tmp_path)
    truth = on_grid(knee(side), knee(side).subregion_labels)
    assert_only_like(np.frombuffer(read, np.uint16).reshape(truth.shape), truth)


@every_side
@pytest.mark.parametrize(("index", "parameter"), list(enumerate(Parameter)))
def test_every_voxel_has_its_value(
    cornerstone: list[str | Path],
    objects: Objects,
    folder: Path,
    tmp_path: Path,
    side: Side,
    index: int,
    parameter: Parameter,
) -> None:
    path = of_kind(objects, folder, "parametric_map", side)[index]
    read = read_by(cornerstone, "map", path, of_kind(objects, folder, "volume", side), tmp_path)
    truth = on_grid(knee(side), values_by_voxel(knee(side), parameter))
    assert_only_like(np.frombuffer(read, np.float32).reshape(truth.shape), truth)


def test_the_order_of_the_images_moves_no_segment(
    cornerstone: list[str | Path], objects: Objects, folder: Path, tmp_path: Path
) -> None:
    images = of_kind(objects, folder, "volume", Side.LEFT)[::-1]
    path = of_kind(objects, folder, "segmentation", Side.LEFT)[0]
    read = read_by(cornerstone, "segmentation", path, images, tmp_path)
    truth = on_grid(knee(Side.LEFT), knee(Side.LEFT).subregion_labels)
    assert_only_like(np.frombuffer(read, np.uint16).reshape(truth.shape)[::-1], truth)


def of_kind(objects: Objects, folder: Path, kind: str, side: Side) -> list[Path]:
    """Files of one kind, in the order of the grid's frames."""
    return [folder / o.file_name for o in objects if o.kind == kind and o.side == side]


def on_grid(result: KneeResult, array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """[k, j, i] of the analysis as [frame, row, column] of the objects."""
    return grid_of(result.hu.shape, result.affine).place(array, 0)


def read_by(
    cornerstone: list[str | Path], kind: str, path: Path, images: list[Path], tmp_path: Path
) -> bytes:
    out = tmp_path / "voxels"
    command = [*cornerstone, kind, path, out, *images]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return out.read_bytes()


def assert_only_like(read: npt.NDArray[np.generic], truth: npt.NDArray[np.generic]) -> None:
    """Not one voxel differs, and what was compared is no mirror image of itself."""
    assert int((read != truth).sum()) == 0
    for axis in range(3):
        assert not np.array_equal(read, np.flip(truth, axis))
