from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ctsma_node.analysis.grid import SIZE, canonical_affine, knee_affine
from ctsma_node.analysis.patches import cut
from ctsma_node.analysis.result import Side
from ctsma_node.volume import Array, apply
from trainer.mr import MRVolume
from trainer.patches.mr_patches import SHAPE, cut_mask, cut_mr, offsets, on_mr

SLOPE = np.array([3.0, -5.0, 7.0])


def turned() -> Array:
    """A rigid transform such as flexion brings about."""
    out = np.eye(4)
    out[:3, :3] = Rotation.from_euler("xyz", [24.0, -5.0, 3.0], degrees=True).as_matrix()
    out[:3, 3] = [4.0, -6.0, 9.0]
    return out


def ramp(size: tuple[int, int, int] = (120, 120, 40)) -> MRVolume:
    """Signal that rises linearly along LPS, on a sagittal grid about the origin."""
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0.0, 0.0, -1.5], [0.5, 0.0, 0.0], [0.0, -0.5, 0.0]])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(size) - 1) / 2.0)
    k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    lps = apply(affine, np.stack([i, j, k], axis=-1))
    return MRVolume((10000.0 + lps @ SLOPE).astype(np.float32), affine)


@pytest.mark.parametrize("side", list(Side))
def test_mr_is_read_where_the_bone_is(side: Side) -> None:
    mr, ct_to_mr = ramp(), turned()
    to_lps = canonical_affine(knee_affine(np.zeros(3)), side)
    centre = (np.array(SIZE[::-1]) - 1) / 2.0 + [[0.0, 0.0, 0.0], [3.0, -4.0, 5.0]]
    patches, covered = cut_mr(mr, centre, ct_to_mr @ to_lps)
    assert covered.all()
    k, j, i = np.meshgrid(*(offsets(axis) for axis in range(3)), indexing="ij")
    for patch, at in zip(patches, centre, strict=True):
        lps = apply(ct_to_mr @ to_lps, np.stack([at[2] + i, at[1] + j, at[0] + k], axis=-1))
        np.testing.assert_allclose(patch, 10000.0 + lps @ SLOPE, atol=0.6)  # stored as whole numbers


def test_a_site_outside_the_mr_is_not_covered() -> None:
    to_lps = knee_affine(np.zeros(3))
    middle = (np.array(SIZE[::-1]) - 1) / 2.0
    patches, covered = cut_mr(ramp(), np.array([middle, middle + np.array([0.0, 40.0, 0.0])]), to_lps)
    assert covered.tolist() == [True, False]
    assert not patches[1].any()


def test_masks_of_both_patches_show_the_same_bone() -> None:
    rng = np.random.default_rng(4)
    mask = rng.random(SIZE[::-1]) < 0.4
    centres = np.array([[40.5, 70.5, 60.5], [30.5, 61.5, 80.5]])
    fine = cut_mask(mask, centres)
    coarse = cut(mask, centres, 0.0) > 0
    # Each CT voxel holds 4 x 4 samples of the MR in plane; along k the samples are 3/4 of a voxel apart.
    in_plane = fine.reshape(2, SHAPE[0], 12, 4, 12, 4)
    assert (in_plane.all(axis=(3, 5)) == in_plane.any(axis=(3, 5))).all()
    along = np.floor(np.arange(16) * 0.75 + 0.375).astype(int)
    np.testing.assert_array_equal(in_plane[:, :, :, 0, :, 0], coarse[:, along])


def test_a_mask_lands_on_the_mr_where_the_bone_is() -> None:
    mr, ct_to_mr = ramp(), turned()
    to_lps = canonical_affine(knee_affine(np.zeros(3)), Side.LEFT)
    k, j, i = np.meshgrid(*(np.arange(n) for n in SIZE[::-1]), indexing="ij")
    lps = apply(to_lps, np.stack([i, j, k], axis=-1))
    ball_at = np.array([6.0, -5.0, 8.0])
    ball = np.linalg.norm(lps - ball_at, axis=-1) < 9.0
    found = on_mr(ball, mr, ct_to_mr @ to_lps)
    points = mr.to_lps(np.argwhere(found)[:, ::-1])
    np.testing.assert_allclose(points.mean(axis=0), apply(ct_to_mr, ball_at), atol=0.2)
    voxel = abs(float(np.linalg.det(mr.affine[:3, :3])))
    assert found.sum() * voxel == pytest.approx(4 / 3 * np.pi * 9.0**3, rel=0.05)
