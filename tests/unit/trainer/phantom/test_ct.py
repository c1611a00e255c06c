from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ctsma_node.analysis.result import Bone
from tests.unit.trainer.phantom.grids import F32, F64, axial_grid
from trainer.phantom import slabs
from trainer.phantom.acquisition import PRESETS, CTAcquisition, Orientation, draw_acquisition, preset
from trainer.phantom.ct import label_on, render_ct, render_on
from trainer.phantom.noise import add_noise
from trainer.phantom.other import KINDS, draw_other
from trainer.phantom.scene import Scene
from trainer.phantom.structure import Part
from trainer.phantom.truth import in_trabecular, parameters_at

GRID = (60, 60, 24)


@pytest.fixture(scope="module")
def epiphysis(right: Scene) -> F64:
    """Grid through the femoral condyles."""
    at = right.knees[0].poses[Part.FEMUR] @ [0.0, 0.0, 26.0, 1.0]
    return axial_grid(at[:3], GRID, 1.0)


@pytest.fixture(scope="module")
def noiseless(right: Scene, epiphysis: F64) -> F32:
    """HU on the grid through the condyles, without noise; not to be changed."""
    hu = render_on(right, epiphysis, GRID).hu
    hu.flags.writeable = False
    return hu


def test_same_arguments_same_bytes(right: Scene, epiphysis: F64) -> None:
    size = (30, 30, 12)
    first = render_on(right, epiphysis, size, noise_hu=30.0, seed=7)
    again = render_on(right, epiphysis, size, noise_hu=30.0, seed=7)
    other = render_on(right, epiphysis, size, noise_hu=30.0, seed=8)
    assert first.hu.tobytes() == again.hu.tobytes()
    assert first.hu.tobytes() != other.hu.tobytes()


def test_slabs_leave_no_trace(
    right: Scene, epiphysis: F64, noiseless: F32, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slabs, "SLAB", 300_000)
    assert np.allclose(noiseless, render_on(right, epiphysis, GRID).hu, atol=0.01)


def test_trabecular_hu_follow_the_law(right: Scene, epiphysis: F64, noiseless: F32) -> None:
    knee, hu = right.knees[0], noiseless
    k, j, i = np.meshgrid(*(np.arange(n) for n in hu.shape), indexing="ij")
    points = np.stack([i, j, k], axis=-1).reshape(-1, 3) @ epiphysis[:3, :3].T + epiphysis[:3, 3]
    depth_safe = in_trabecular(knee, Bone.FEMUR, points)
    for step in (2.5, -2.5):
        for axis in np.eye(3):
            depth_safe &= in_trabecular(knee, Bone.FEMUR, points + step * axis)
    bvtv = parameters_at(knee, Bone.FEMUR, points[depth_safe])[:, 0].mean()
    expected = bvtv * knee.tissue.bone_hu + (1.0 - bvtv) * knee.tissue.marrow_hu
    assert depth_safe.sum() > 5000
    assert hu.reshape(-1)[depth_safe].mean() == pytest.approx(expected, rel=0.04)
    assert hu.reshape(-1)[depth_safe].std() > 60.0  # texture, not a mean


def test_coarse_grids_see_the_mean_of_the_same_bone(right: Scene) -> None:
    centre = right.knees[0].placement[:3, 3]
    fine = render_on(right, axial_grid(centre, (96, 96, 48), 1.0), (96, 96, 48)).hu
    coarse = render_on(right, axial_grid(centre, (24, 24, 12), 4.0), (24, 24, 12)).hu
    means = fine.reshape(12, 4, 24, 4, 24, 4).mean(axis=(1, 3, 5))
    core = np.s_[1:-1, 1:-1, 1:-1]
    assert np.corrcoef(means[core].ravel(), coarse[core].ravel())[0, 1] > 0.99
    assert coarse[core].mean() == pytest.approx(means[core].mean(), abs=12.0)


def test_labels_lie_on_bone(both: Scene) -> None:
    centre = both.knees[0].placement[:3, 3]
    grid = (76, 76, 46)
    affine = axial_grid(centre, grid, 1.5)
    labels, hu = label_on(both, affine, grid), render_on(both, affine, grid).hu
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4}
    for label in (1, 2, 3):
        assert np.median(hu[labels == label]) > 120.0
    assert (hu[labels == 0] > 600.0).mean() < 0.01
    assert np.median(hu[labels == 0]) < 0.0


def test_each_knee_can_be_labelled_alone(both: Scene) -> None:
    grid = (150, 40, 20)
    affine = axial_grid(both.centre, grid, 3.0)
    alone = [label_on(both, affine, grid, knee=n) for n in (0, 1)]
    assert all(one.any() for one in alone)
    assert not np.any((alone[0] > 0) & (alone[1] > 0))
    assert np.array_equal(np.maximum(*alone), label_on(both, affine, grid))


def test_an_oblique_grid_sees_the_same_knee(right: Scene) -> None:
    centre = right.knees[0].placement[:3, 3]
    grid = (60, 60, 60)
    straight = axial_grid(centre, grid, 1.5)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_rotvec([0.3, -0.2, 0.4]).as_matrix() @ np.diag([1.0, 1.0, -1.0])
    turn[:3, 3] = centre - turn[:3, :3] @ centre
    index = np.argwhere(label_on(right, straight, grid) == 1)[:, ::-1]
    points = index @ straight[:3, :3].T + straight[:3, 3]
    oblique = turn @ straight
    back = np.rint((points - oblique[:3, 3]) @ np.linalg.inv(oblique[:3, :3]).T).astype(int)
    keep = np.all((back >= 0) & (back < 60), axis=1)
    seen = label_on(right, oblique, grid)[back[keep, 2], back[keep, 1], back[keep, 0]]
    assert keep.sum() > 2000
    assert (seen == 1).mean() > 0.93


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.5, 1.0)])
def test_noise_has_the_standard_deviation_asked_for(spacing: tuple[float, float, float]) -> None:
    affine = np.diag([*spacing, 1.0])
    hu = np.zeros((40, 96, 96), dtype=np.float32)
    add_noise(hu, affine, 40.0, 0.9, 1.0, 5)
    merge = round(1.0 / spacing[0])
    pixels = hu.reshape(40, 96 // merge, merge, 96 // merge, merge).mean(axis=(2, 4))
    # A pixel of 1 mm on a grid of 1 mm is a sample, not an average: more noise.
    assert pixels.std() == pytest.approx(40.0, rel=0.06) if merge > 1 else 40.0 < pixels.std() < 75.0
    assert abs(hu.mean()) < 1.0


def test_thick_slices_carry_less_noise() -> None:
    stds = []
    for thickness in (1.0, 4.0):
        hu = np.zeros((40, 64, 64), dtype=np.float32)
        add_noise(hu, np.eye(4), 40.0, 0.9, thickness, 5)
        stds.append(hu.std())
    assert stds[1] == pytest.approx(stds[0] / 2.0, rel=0.1)


def test_a_series_is_whole_numbers_in_range_and_metal_saturates(right: Scene) -> None:
    plain = replace(preset("small", right), slices=30, rows=96, columns=96, fov_mm=96.0, noise_hu=80.0)
    hu = render_ct(right, plain).hu
    assert np.array_equal(hu, np.rint(hu))
    assert hu.min() >= -1024
    assert hu.max() < 2500
    implant = render_ct(right, replace(plain, metal=True)).hu
    assert implant.max() == 3071
    assert np.abs(implant - hu).mean() > 5.0


@pytest.mark.parametrize("orientation", ["axial", "sagittal", "coronal"])
def test_affine_of_an_acquisition(orientation: Orientation) -> None:
    plain = CTAcquisition(
        orientation=orientation, rows=40, columns=60, slices=11, increment=2.0, centre=(5.0, 6.0, 7.0)
    )
    middle = plain.affine @ [29.5, 19.5, 5.0, 1.0]
    assert middle[:3] == pytest.approx([5.0, 6.0, 7.0])
    assert np.linalg.norm(plain.affine[:3, :3], axis=0) == pytest.approx([3.0, 3.0, 2.0])
    back = replace(plain, reverse_k=True)
    assert back.affine[:3, 2] == pytest.approx(-plain.affine[:3, 2])
    assert back.affine @ [29.5, 19.5, 5.0, 1.0] == pytest.approx(middle)
    tilted = replace(plain, tilt=15.0).affine
    cosine = np.cross(tilted[:3, 0], tilted[:3, 1]) @ tilted[:3, 2]
    assert abs(cosine) / np.prod(np.linalg.norm(tilted[:3, :3], axis=0)) == pytest.approx(
        np.cos(np.deg2rad(15.0))
    )


def test_paper_preset_is_the_supplements_protocol() -> None:
    paper = PRESETS["paper"]
    assert (paper.fov_mm, paper.rows, paper.slice_thickness, paper.increment) == (140.0, 512, 1.0, 0.3)


def test_drawn_acquisitions_vary_and_hold_the_joints(right: Scene, both: Scene) -> None:
    for scene in (right, both):
        drawn = [draw_acquisition(seed, scene) for seed in range(60)]
        assert {one.orientation for one in drawn} == {"axial", "sagittal", "coronal", "oblique"}
        assert draw_acquisition(3, scene) == drawn[3]
        for one in drawn:
            assert 0.3 <= one.increment <= 3.0
            assert 140.0 <= one.fov_mm <= 500.0
            assert 15.0 <= one.noise_hu <= 100.0
            for knee in scene.knees:
                index = np.linalg.inv(one.affine) @ [*knee.placement[:3, 3], 1.0]
                assert np.all(index[:3] > 0)
                assert np.all(index[:3] < np.array(one.size) - 1)


@pytest.mark.parametrize("kind", KINDS)
def test_other_anatomy_has_no_knee(kind: str) -> None:
    scene = draw_other(1, kind)
    grid = (60, 60, 30)
    affine = axial_grid(np.zeros(3), grid, 4.0)
    assert not label_on(scene, affine, grid).any()
    hu = render_on(scene, affine, grid).hu
    bone = (hu > 300.0).sum()
    assert bone == 0 if kind in ("water cylinder", "empty couch") else bone > 100


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ValueError, match="no such kind: knee"):
        draw_other(1, "knee")
