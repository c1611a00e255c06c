"""What the trainer reads from a store is what the node sees in a knee."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ctsma_node.analysis import measure
from ctsma_node.analysis.grid import canonical_affine, knee_affine
from ctsma_node.analysis.patches import PATCH, surrounding
from ctsma_node.analysis.result import Side
from ctsma_node.volume import apply
from trainer.familiarity.looks import looks_of, positions_of

RNG = np.random.default_rng(3)
CENTRES = RNG.uniform(20.0, 60.0, (200, 3))
HU = RNG.normal(200.0, 60.0, (200, PATCH, PATCH, PATCH))
MASK = RNG.random((200, PATCH, PATCH, PATCH)) < 0.8


def of_node() -> measure.Tokens:
    """Tokens of which only the nearest of the eight patches is right."""
    _, weights = surrounding(CENTRES)
    hu = np.zeros((8, *HU.shape), np.float32)
    mask = np.ones_like(hu)
    nearest, every = weights.argmax(axis=0), np.arange(200)
    hu[nearest, every], mask[nearest, every] = HU, MASK
    positions = CENTRES * [1.0, 0.977, 0.977]
    return measure.Tokens(
        CENTRES, positions, hu, mask, weights, np.zeros(3, np.float32), np.zeros(3, np.float32), {}
    )


def of_store(side: Side) -> dict[str, Any]:
    lps = apply(canonical_affine(knee_affine((10.0, 20.0, 30.0)), side), CENTRES[:, ::-1])
    return {
        "ct": HU,
        "ct_mask": MASK,
        "context": np.zeros(3),
        "lps": lps,
        "bone": np.repeat([0, 1], 100).astype(np.uint8),
        "subregion": np.tile(np.arange(1, 101), 2).astype(np.uint8),
    }


@pytest.mark.parametrize("side", list(Side))
def test_store_and_node_give_one_look(side: Side) -> None:
    (trained,) = looks_of(of_store(side), side)
    seen = measure.look(of_node())
    np.testing.assert_allclose(trained.features, seen.features, atol=1e-5)
    apart = trained.positions - seen.positions
    np.testing.assert_allclose(apart - apart.mean(axis=0), 0.0, atol=1e-9)


def test_drawn_points_are_left_out_and_protocols_are_looks_of_their_own() -> None:
    arrays = of_store(Side.LEFT)
    arrays["subregion"][:40] = 0
    arrays["ct_protocols"] = np.stack([HU, HU + 100.0], axis=1)
    arrays["protocol_contexts"] = np.ones((2, 3))
    own, same, denser = looks_of(arrays, Side.LEFT)
    assert np.isnan(own.features[:40]).all()
    assert np.isfinite(own.features[40:]).all()
    np.testing.assert_array_equal(own.features, same.features)
    np.testing.assert_allclose((denser.features - own.features)[40:, 0], 1.0, atol=1e-4)
    assert same.context.tolist() == [1.0, 1.0, 1.0]


def test_lateral_is_away_from_the_other_knee() -> None:
    lps = np.array([[10.0, 20.0, 30.0]])
    assert positions_of(lps, Side.LEFT).tolist() == [[10.0, -30.0, 20.0]]
    assert positions_of(lps, Side.RIGHT).tolist() == [[-10.0, -30.0, 20.0]]
