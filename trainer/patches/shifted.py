"""Labels of the MR beside a patch: what a registration that is off would have given (supplement B.1)."""

from __future__ import annotations

import numpy as np

from ctsma_node.volume import Array

SHIFTS_MM = (1.0, 2.0, 3.67, 5.0, 10.0, 15.0)
"""The supplement's 1 to 15 mm, and the paper's own error among them."""


def shifted(places: Array, seed: int) -> Array:
    """(n, len(SHIFTS_MM), 3) LPS mm: each place (n, 3) moved by each shift, all along one drawn direction."""
    rng = np.random.default_rng([seed, 61])
    drawn = rng.standard_normal(places.shape)
    direction = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return np.asarray(places[:, None] + np.array(SHIFTS_MM)[:, None] * direction[:, None])
