"""Patches are cut where they are asked for; noise is read where there is no bone."""

from __future__ import annotations

import numpy as np
import pytest

from ctsma_node.analysis.patches import PATCH, covered_centre, cut, noise_context


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
