"""Looks of made-up knees: drawn numbers about one anatomy, as fast as they are unreal."""

from __future__ import annotations

import numpy as np

from ctsma_node.analysis.familiarity import COLUMNS, Look
from ctsma_node.analysis.result import SUBREGIONS_PER_BONE
from trainer.familiarity.looks import Seen

ROWS = 2 * SUBREGIONS_PER_BONE


def planted_look(seed: int) -> Look:
    """Features that vary from knee to knee and from place to place; a tibia 40 mm below a femur."""
    rng = np.random.default_rng(seed)
    everywhere = np.random.default_rng(0)
    places = everywhere.uniform(-30.0, 30.0, (ROWS, 3))
    places[SUBREGIONS_PER_BONE:, 1] += 40.0
    usual = everywhere.normal(0.0, 1.0, (ROWS, len(COLUMNS)))
    features = usual + rng.normal(0.0, 0.3, len(COLUMNS)) + rng.normal(0.0, 0.5, usual.shape)
    return Look(
        features,
        rng.normal(1.0, 0.05) * places + rng.normal(0.0, 0.3, places.shape),
        rng.normal(-1.5, 0.2, 3),
    )


def planted_knees(count: int, first: int = 100) -> list[Seen]:
    return [Seen(f"K{n}", f"K{n}", (planted_look(first + n),)) for n in range(count)]
