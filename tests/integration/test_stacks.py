"""One bone, many stacks: however it was cut, every subregion keeps its values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Parameter, Side
from ctsma_node.volume import CTVolume
from trainer.phantom.acquisition import PRESETS
from trainer.phantom.ct import render_ct
from trainer.phantom.scene import draw_scene

SEED = 910_002
OBLIQUE = Rotation.from_rotvec(np.deg2rad([10.0, -12.0, 8.0])).as_matrix()
STRAIGHT = np.eye(3)


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    return Analyser.load()


@pytest.fixture(scope="module")
def scan() -> CTVolume:
    """One knee, 0.5 mm voxels, 30 HU of noise."""
    scene = draw_scene(SEED, (Side.RIGHT,))
    x, y, z = (float(v) for v in scene.centre)
    fine = replace(PRESETS["small"], rows=280, columns=280, fov_mm=140.0, slices=240, increment=0.5)
    return render_ct(scene, replace(fine, slice_thickness=0.75, noise_hu=30.0, centre=(x, y, z)))


@pytest.fixture(scope="module")
def straight(scan: CTVolume, analyser: Analyser) -> Any:
    return values(scan, analyser)


def values(volume: CTVolume, analyser: Analyser) -> Any:
    """The four parameters of the 200 subregions of the one knee."""
    (knee,) = analyser.analyse(volume).knees
    return np.array([[s.values[p].value for p in Parameter] for s in knee.subregions])


def rewritten(volume: CTVolume, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> CTVolume:
    """The same voxels in another order: new axis n is old axis `axes[n]`, run backwards where it flips."""
    order = np.zeros((4, 4))
    order[3, 3] = 1.0
    hu = np.transpose(volume.hu, [2 - axes[2 - d] for d in range(3)])
    for n, (old, flip) in enumerate(zip(axes, flips, strict=True)):
        order[old, n] = -1.0 if flip else 1.0
        if flip:
            order[old, 3] = volume.size[old] - 1
            hu = np.flip(hu, 2 - n)
    return CTVolume(np.ascontiguousarray(hu), volume.affine @ order)


def resliced(
    volume: CTVolume, turn: Any, spacing: tuple[float, float, float], size: tuple[int, int, int]
) -> CTVolume:
    """Another grid around the same middle, by cubic splines."""
    affine = np.eye(4)
    affine[:3, :3] = turn * np.array(spacing)
    middle = volume.to_lps((np.array(volume.size) - 1) / 2.0)
    affine[:3, 3] = middle - affine[:3, :3] @ ((np.array(size) - 1) / 2.0)
    between = np.linalg.inv(volume.affine) @ affine
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(between[:3, :3].ravel().tolist())
    transform.SetTranslation(between[:3, 3].tolist())
    image = sitk.GetImageFromArray(volume.hu)
    out = sitk.Resample(image, sitk.Image(*size, sitk.sitkUInt8), transform, sitk.sitkBSpline3, -1000.0)
    return CTVolume(np.rint(sitk.GetArrayFromImage(out)).astype(np.float32), affine)


@pytest.mark.parametrize(
    ("axes", "flips"),
    [
        pytest.param((0, 1, 2), (True, False, False), id="mirrored"),
        pytest.param((0, 1, 2), (False, False, True), id="reversed"),
        pytest.param((1, 2, 0), (False, True, True), id="sagittal"),
        pytest.param((0, 2, 1), (False, True, False), id="coronal"),
    ],
)
def test_the_order_of_voxels_changes_nothing(
    axes: tuple[int, int, int],
    flips: tuple[bool, bool, bool],
    scan: CTVolume,
    straight: Any,
    analyser: Analyser,
) -> None:
    assert values(rewritten(scan, axes, flips), analyser) == pytest.approx(straight, rel=1e-3)


@pytest.mark.parametrize(
    ("turn", "spacing", "size"),
    [
        pytest.param(OBLIQUE, (0.5, 0.5, 0.5), (330, 330, 300), id="oblique"),
        pytest.param(STRAIGHT, (0.36, 0.36, 0.6), (380, 380, 198), id="anisotropic"),
    ],
)
def test_another_grid_changes_every_value_by_less_than_two_per_cent(
    turn: Any,
    spacing: tuple[float, float, float],
    size: tuple[int, int, int],
    scan: CTVolume,
    straight: Any,
    analyser: Analyser,
) -> None:
    found = values(resliced(scan, turn, spacing, size), analyser)
    assert found == pytest.approx(straight, rel=0.02)
