"""Patches are cut where they are asked for; noise is read where there is no bone."""

from __future__ import annotations

import numpy as np
import pytest

from ctsma_node.analysis.measure import overlapping
from ctsma_node.analysis.patches import PATCH, covered_centre, cut, noise_context, overlap


def test_a_patch_is_the_array_around_its_centre() -> None:
    array = np.arange(40**3, dtype=np.float32).reshape(40, 40, 40)
    patch = cut(array, [[20.5, 10.4, 30.2]], -1.0)[0]
    assert patch.shape == (PATCH,) * 3
    assert (patch == array[15:27, 5:17, 25:37]).all()
    assert covered_centre([[20.5, 10.4, 30.2]]).tolist() == [[20.5, 10.5, 30.5]]


def test_beyond_the_edge_is_outside() -> None:
    patch = cut(np.ones((20, 20, 20), np.float32), [[0.0, 10.0, 10.0]], -7.0)[0]
    assert (patch[0] == -7).all()
    assert (patch[-1] == 1).all()


@pytest.mark.parametrize("sd", [10.0, 60.0])
def test_noise_is_that_of_soft_tissue(sd: float) -> None:
    rng = np.random.default_rng(1)
    bone = np.zeros((60, 60, 60), bool)
    bone[20:40, 20:40, 20:40] = True
    hu = (50 + rng.normal(0, sd, bone.shape) + 500 * bone).astype(np.float32)
    assert np.exp(noise_context(hu, bone)) * 100 == pytest.approx(np.full(3, sd), rel=0.1)


def test_overlap_is_what_voxels_say() -> None:
    centres = np.array([[15.5, 15.5, 15.5], [17.5, 20.5, 14.5], [40.5, 15.5, 15.5]])
    voxels = np.zeros((3, 60, 60, 60), bool)
    for each, first in zip(voxels, (centres - 5.5).astype(int), strict=True):
        each[tuple(slice(n, n + PATCH) for n in first)] = True
    expected = [[(a & b).sum() / (a | b).sum() for b in voxels] for a in voxels]
    np.testing.assert_allclose(overlap(centres), expected)


def test_patches_that_tell_the_same_twice_are_marked() -> None:
    apart = np.stack(np.meshgrid(*[np.arange(6) * 8.0] * 3, indexing="ij"), axis=-1).reshape(-1, 3)[:200]
    assert overlapping(apart) == ()
    apart[17] = apart[16] + [0.0, 0.0, 3.0]
    (mark,) = overlapping(apart)
    assert mark.code == "patches_overlap"
    assert mark.text.startswith("1 pairs")
