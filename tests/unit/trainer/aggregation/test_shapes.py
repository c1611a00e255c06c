"""Knees in other shapes."""

from __future__ import annotations

import numpy as np

from tests.unit.trainer.aggregation.planted import planted_knees
from trainer.aggregation.shapes import Variation

KNEES = planted_knees(300, seed=4)


def other(variation: Variation) -> np.ndarray:
    return variation(KNEES.positions, np.random.default_rng(6))


def test_every_knee_gets_another_shape_and_the_same_draw_the_same() -> None:
    moved = other(Variation(share=1.0))
    assert moved.shape == KNEES.positions.shape
    assert np.array_equal(moved, other(Variation(share=1.0)))
    rms = np.sqrt(((moved - KNEES.positions) ** 2).sum(axis=2).mean(axis=1))
    assert 3.0 < np.median(rms) < 12.0
    assert rms.min() > 0.5


def test_none_leaves_the_knees_as_they_are() -> None:
    assert np.array_equal(other(Variation(share=0.0, turn=0.0)), KNEES.positions)


def test_bones_are_moved_as_far_as_is_said() -> None:
    moved = other(Variation(share=1.0, size=0.0, slant=0.0, bend=0.0, apart=3.0, turn=0.0)) - KNEES.positions
    assert np.allclose(moved[:, :100], moved[:, :1]), "each bone as a whole"
    assert not np.allclose(moved[:, :1], moved[:, 100:101])
    assert np.allclose(moved[:, [0, 100]].std(axis=0), 3.0, atol=0.5)


def test_a_larger_knee_keeps_its_middle() -> None:
    moved = other(Variation(share=1.0, slant=0.0, bend=0.0, apart=0.0, turn=0.0))
    assert np.allclose(moved.mean(axis=1), KNEES.positions.mean(axis=1))
    extent = np.ptp(moved, axis=1) / np.ptp(KNEES.positions, axis=1)
    assert np.allclose(np.log(extent).std(axis=0), 0.07, atol=0.01)


def test_a_share_of_the_knees_is_moved() -> None:
    moved = (other(Variation(share=0.3, turn=0.0)) != KNEES.positions).any(axis=(1, 2))
    assert 0.2 < moved.mean() < 0.4


def test_every_knee_is_turned_and_keeps_its_shape() -> None:
    turned = other(Variation(share=0.0, turn=12.0))
    assert np.allclose(turned.mean(axis=1), KNEES.positions.mean(axis=1))

    def apart(positions: np.ndarray) -> np.ndarray:
        return np.asarray(np.linalg.norm(positions[:, 1:] - positions[:, :-1], axis=2))

    assert np.allclose(apart(turned), apart(KNEES.positions))
    before, after = (p[:, 150] - p.mean(axis=1) for p in (KNEES.positions, turned))
    cosines = (before * after).sum(axis=1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    assert 8.0 < np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0))).mean() < 20.0
