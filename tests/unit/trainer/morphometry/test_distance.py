from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from trainer.morphometry.distance import Voxel, distance_to_background


@pytest.mark.parametrize("voxel", [(1.0, 1.0, 1.0), (1.5, 0.234, 0.25)])
def test_distance_is_that_of_scipy(voxel: Voxel) -> None:
    mask = np.random.default_rng(0).random((9, 14, 17)) < 0.95
    distance, _ = distance_to_background(mask, voxel)
    assert np.allclose(distance, distance_transform_edt(mask, sampling=voxel), atol=1e-5)


def test_the_vector_leads_to_background_at_that_distance() -> None:
    voxel = (1.5, 0.3, 0.2)
    mask = np.random.default_rng(1).random((7, 12, 12)) < 0.97
    distance, offset = distance_to_background(mask, voxel)
    there = np.moveaxis(np.indices(mask.shape), 0, -1) + offset
    assert not mask[tuple(np.moveaxis(there, -1, 0))].any()
    assert np.allclose(np.linalg.norm(offset * np.array(voxel), axis=-1), distance, atol=1e-5)


def test_slices_are_parted_by_an_infinite_side() -> None:
    mask = np.random.default_rng(2).random((4, 20, 20)) < 0.9
    distance, _ = distance_to_background(mask, (float("inf"), 0.3, 0.2))
    for plane, own in zip(mask, distance, strict=True):
        assert np.allclose(own, distance_transform_edt(plane, sampling=(0.3, 0.2)), atol=1e-5)


def test_without_background_everything_is_far() -> None:
    distance, _ = distance_to_background(np.ones((3, 4, 5), dtype=np.bool_), (1.0, 1.0, 1.0))
    assert np.isinf(distance).all()
