from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ctsma_node.volume import Array, apply
from trainer.registration.rigid import ARM, distances, mean_rigid, motion_of, rigid, turned_about

MOTIONS = st.lists(st.floats(-40.0, 40.0), min_size=6, max_size=6).map(np.array)
FIXED, MOVING = np.array([-90.0, 5.0, 30.0]), np.array([4.0, -7.0, 12.0])
POINTS = FIXED + np.array([[30.0, 0, 0], [-30, 0, 0], [0, 30, 0], [0, -30, 0], [0, 0, 30], [0, 0, -30]])


@given(MOTIONS)
def test_six_numbers_and_back(motion: Array) -> None:
    np.testing.assert_allclose(motion_of(rigid(motion, FIXED, MOVING), FIXED, MOVING), motion, atol=1e-8)


def test_a_rotation_moves_points_as_far_as_a_translation_of_its_size() -> None:
    still = rigid(np.zeros(6), FIXED, MOVING)
    turned = rigid(np.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0]), FIXED, MOVING)
    at_arm = FIXED + np.array([[ARM, 0.0, 0.0]])
    np.testing.assert_allclose(distances(still, turned, at_arm), 1.0, rtol=1e-3)


@given(MOTIONS, MOTIONS)
def test_half_way_is_as_far_from_both(first: Array, second: Array) -> None:
    one, two = rigid(first * 0.2, FIXED, MOVING), rigid(second * 0.2, FIXED, MOVING)
    middle = mean_rigid(one, two, POINTS)
    to_one = np.mean(distances(one, middle, POINTS) ** 2)
    to_two = np.mean(distances(two, middle, POINTS) ** 2)
    np.testing.assert_allclose(to_one, to_two, rtol=1e-6, atol=1e-9)
    assert to_one <= 0.26 * np.mean(distances(one, two, POINTS) ** 2) + 1e-9


def test_turning_keeps_the_centre() -> None:
    transform = rigid(np.array([3.0, 8, -5, 1, 2, 3]), FIXED, MOVING)
    turned = turned_about(transform, np.array([25.0, 0.0, 0.0]), FIXED)
    np.testing.assert_allclose(apply(turned, FIXED), apply(transform, FIXED))
    off = apply(np.linalg.inv(transform) @ turned, FIXED + np.array([0.0, 1.0, 0.0])) - FIXED
    np.testing.assert_allclose(off, [0.0, np.cos(np.deg2rad(25.0)), np.sin(np.deg2rad(25.0))], atol=1e-9)
