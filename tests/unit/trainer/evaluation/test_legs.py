"""Knees out of a shape model: closed surfaces are filled, and the tibia stands under the femur."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk
from skimage.measure import marching_cubes

from benchmarks.legs import FEMUR, FIBULA, STEP, TIBIA, Model, filled, label_image

F64 = npt.NDArray[np.float64]


def box(low: tuple[float, ...], high: tuple[float, ...]) -> tuple[F64, npt.NDArray[np.int64]]:
    """A closed surface about a box, mm along anterior, superior and right, as the model's nodes are."""
    grid = np.zeros((8, 8, 8), dtype=np.float32)
    grid[1:-1, 1:-1, 1:-1] = 1.0
    nodes, faces, _, _ = marching_cubes(grid, 0.5)
    nodes = np.array(low) + (nodes - 0.5) / 6.0 * (np.array(high) - np.array(low))
    return nodes, faces.astype(np.int64)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A femur 420 mm long and 80 mm wide, a tibia somewhere else, a fibula; two people, one half as large."""
    bones = {
        FEMUR: box((-20.0, 0.0, -40.0), (20.0, 420.0, 40.0)),
        FIBULA: box((-5.0, -400.0, 45.0), (5.0, -40.0, 55.0)),
        TIBIA: box((0.0, -400.0, -20.0), (40.0, -20.0, 50.0)),
    }
    nodes = np.concatenate([each[0] for each in bones.values()])
    firsts = np.cumsum([0, *(len(each[0]) for each in bones.values())])
    faces = np.concatenate([each[1] + first for each, first in zip(bones.values(), firsts, strict=False)])
    ply = [f"element vertex {len(nodes)}", f"element face {len(faces)}", "end_header"]
    ply += [" ".join(map(str, node)) for node in nodes] + [f"3 {a} {b} {c}" for a, b, c in faces]
    ranges = [f"{name} {a} {b}   " for name, a, b in zip(bones, firsts[:-1], firsts[1:], strict=True)]
    pca = io.BytesIO()
    modes, weights = nodes.reshape(-1, 1), np.array([[0.0, -0.5]])
    np.savez(pca, mean=nodes.ravel(), modes=modes, projectedWeights=weights, SD=np.array(None))
    folder, path = "articulated_ssm_both_sides/coupled_ssm/pel_fem_tib_fib_both_side/", tmp_path / "ssm.whl"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(f"{folder}shape_model_right_side.pc.npz", pca.getvalue())
        made.writestr(f"{folder}shape_model_right_side_mean.ply", "ply\n" + "\n".join(ply))
        made.writestr(f"{folder}Coupled_SSM_node_nrs_per_bone_mesh_right.txt", "\n".join(ranges))
    return path


def test_only_adults_are_taken(wheel: Path) -> None:
    assert Model.of(wheel).adults() == [0]


def test_a_surface_is_filled_to_its_volume() -> None:
    nodes, faces = box((3.3, 4.4, 5.5), (23.3, 34.4, 45.5))
    inside = filled(nodes, faces, np.zeros(3), [40, 60, 80])
    k, j, i = np.nonzero(inside)
    for at, low, high in ((i, 3.3, 23.3), (j, 4.4, 34.4), (k, 5.5, 45.5)):
        assert at.min() * STEP == pytest.approx(low, abs=2 * STEP)
        assert at.max() * STEP == pytest.approx(high, abs=2 * STEP)
    assert inside.sum() * STEP**3 == pytest.approx(20 * 30 * 40, rel=0.05)


def test_the_tibia_is_brought_under_the_femur(wheel: Path) -> None:
    image = label_image(Model.of(wheel), 0)
    labels = sitk.GetArrayFromImage(image)
    femur, tibia, fibula = (np.argwhere(labels == value) * STEP for value in (1, 2, 4))
    assert femur[:, 0].min() - tibia[:, 0].max() == pytest.approx(5.0, abs=2 * STEP)
    assert femur[:, 2].mean() == pytest.approx(tibia[:, 2].mean(), abs=2 * STEP)
    assert fibula[:, 2].mean() < tibia[:, 2].min()  # lateral, of a right knee: to the right
    assert image.GetSpacing() == (STEP, STEP, STEP)
