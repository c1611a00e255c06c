from __future__ import annotations

import numpy as np

from trainer.patches.shifted import SHIFTS_MM, shifted


def test_places_move_by_each_shift_along_one_direction() -> None:
    places = np.random.default_rng(0).normal(0.0, 50.0, (40, 3))
    moved = shifted(places, seed=3) - places[:, None]
    np.testing.assert_allclose(np.linalg.norm(moved, axis=2), np.tile(SHIFTS_MM, (40, 1)))
    directions = moved / np.linalg.norm(moved, axis=2, keepdims=True)
    np.testing.assert_allclose(directions, np.repeat(directions[:, :1], len(SHIFTS_MM), axis=1))
    assert np.linalg.norm(directions[:, 0].mean(axis=0)) < 0.5
    np.testing.assert_array_equal(shifted(places, seed=3) - places[:, None], moved)
