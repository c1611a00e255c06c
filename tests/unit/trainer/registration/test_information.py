from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from trainer.registration.information import FIXED_BINS, agreement, count, information

RNG = np.random.default_rng(3)
MOVING = RNG.integers(0, 8, (12, 14, 16)).astype(np.float32)
K, J, I = np.indices(MOVING.shape).reshape(3, -1)  # noqa: E741
KEEP = (K < 11) & (J < 13) & (I < 15)
POINTS = np.stack([I, J, K], axis=1)[KEEP].astype(np.float32)
INDEX = np.eye(4)[:3]


def bins() -> np.ndarray:
    """Fixed bins that know the moving ones in part."""
    value = MOVING[K[KEEP], J[KEEP], I[KEEP]]
    return np.where(RNG.random(len(value)) < 0.7, 3 * value, RNG.integers(0, FIXED_BINS, len(value))).astype(
        np.uint8
    )


def test_information_is_what_another_library_says() -> None:
    fixed = bins()
    seen = MOVING[K[KEEP], J[KEEP], I[KEEP]].astype(int)
    expected = mutual_info_score(fixed, seen) / np.log(2.0)
    assert agreement(POINTS, fixed, INDEX, MOVING, (FIXED_BINS, 9), 0.9) == pytest.approx(expected, rel=1e-6)


def test_values_between_two_bins_are_shared() -> None:
    histogram = np.zeros((FIXED_BINS, 5))
    ramp = np.broadcast_to(np.arange(4, dtype=np.float32), (3, 3, 4)).copy()
    inside = count(
        np.array([[1.25, 0.5, 0.5]], dtype=np.float32), np.zeros(1, np.uint8), INDEX, ramp, histogram
    )
    assert inside == 1
    np.testing.assert_allclose(histogram[0], [0.0, 0.75, 0.25, 0.0, 0.0])


def test_what_is_outside_counts_against_a_pose() -> None:
    fixed = bins()
    far = INDEX.copy()
    far[0, 3] = 8.0
    shape = (FIXED_BINS, 9)
    histogram = np.zeros(shape)
    share = count(POINTS, fixed, far, MOVING, histogram) / len(POINTS)
    assert 0.3 < share < 0.6
    expected = information(histogram) * share / 0.9
    assert agreement(POINTS, fixed, far, MOVING, shape, 0.9) == pytest.approx(expected)


def test_no_point_inside_is_no_information() -> None:
    away = INDEX.copy()
    away[:, 3] = 1e3
    assert agreement(POINTS, bins(), away, MOVING, (FIXED_BINS, 9), 0.9) == 0.0
