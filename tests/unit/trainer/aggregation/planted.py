"""Knees whose class shows in the density of their medial tibia, and whose cartilage scores follow it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ctsma_node.analysis.result import CartilageRegion
from trainer.aggregation.knees import Knees, together

MEDIAL_TIBIA = slice(100, 140)


def planted_knees(count: int, seed: int = 0, *, effect: float = 0.6, measured: bool = True) -> Knees:
    """`count` knees in five folds; `effect` is how far the log of BV/TV rises from normal to advanced."""
    rng = np.random.default_rng([seed, 5])
    grade = rng.integers(3, size=count)
    logs = np.log([0.2, 0.2, 0.7, 1.1]) + rng.normal(0.0, 0.15, (count, 200, 4))
    logs[:, MEDIAL_TIBIA, 0] += effect * grade[:, None] / 2.0
    scores = 2.0 * grade[:, None] + rng.normal(0.0, 0.3, (count, len(CartilageRegion)))
    grid = np.stack(np.meshgrid(np.arange(8), np.arange(5), np.arange(5), indexing="ij"), axis=-1) * 8.0
    return Knees(
        parameters=np.exp(logs),
        positions=np.broadcast_to(grid.reshape(200, 3), (count, 200, 3))
        + rng.normal(0.0, 1.0, (count, 200, 3)),
        oa_class=grade.astype(np.int64),
        cartilage=scores,
        measured=np.full(count, measured),
        fold=np.arange(count) % 5 if measured else np.full(count, -1),
        name=np.array([f"P{number:04d}-R" for number in range(count)]),
    )


def both_knees(knees: Knees) -> Knees:
    """Every person of `knees` with a left knee, too, like the right one."""
    return together([knees, replace(knees, name=np.char.replace(knees.name, "-R", "-L"))])
