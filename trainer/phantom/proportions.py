"""How proportions of bones are drawn: normally distributed, and never so odd that no map could hold them."""

from __future__ import annotations

import numpy as np

WIDEST = 2.2
"""Standard deviations from the mean that a proportion may lie at most."""


def drawn(rng: np.random.Generator, mean: float, spread: float) -> float:
    """One proportion of a person; `spread` is the standard deviation before it is held to WIDEST."""
    return mean + spread * float(np.clip(rng.standard_normal(), -WIDEST, WIDEST))
