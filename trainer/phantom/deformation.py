"""A smooth deformation of each bone, a few mm, of one person: shapes that no proportion foresees.

Bones are sampled once for a knee; both scanners and the landmarks therefore see the same deformation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.phantom.sdf import Points, warp
from trainer.phantom.structure import Part

SHORTEST, LONGEST = 60.0, 160.0
"""Wavelengths, mm: slower than the relief that the shapes have of their own."""
SHARE = {Part.FEMUR: 1.0, Part.TIBIA: 1.0, Part.PATELLA: 0.4, Part.FIBULA: 0.7}
"""Of the amplitude; a small bone moved by the waves of a large one would leave its place."""
WAVES = 6


@dataclass(frozen=True)
class Deformation:
    """Standard deviation along each axis, mm, and the seed of the waves."""

    amplitude: float
    seed: int


def draw_deformation(rng: np.random.Generator) -> Deformation:
    """From hardly any to 2.4 mm along each axis, which is 4 mm in space."""
    return Deformation(float(rng.uniform(0.5, 2.4)), int(rng.integers(2**31)))


def undeformed(points: Points, deformation: Deformation, part: Part) -> Points:
    """Points of the bone as it is, carried to the bone that its proportions describe."""
    rng = np.random.default_rng((deformation.seed, list(Part).index(part)))
    return warp(points, rng, SHARE[part] * deformation.amplitude, SHORTEST, LONGEST, WAVES)
