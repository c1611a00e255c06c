"""Knees in other shapes: an aggregator that has seen the drawn ones only takes others for diseased."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ctsma_node.analysis.result import SUBREGIONS_PER_BONE, Bone
from trainer.aggregation.knees import F64

_REACH = 25.0
"""mm from a bone's middle at which its bends are as large as they are drawn."""
_SECOND_ORDER = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


@dataclass(frozen=True)
class Variation:
    """Standard deviations of how far a knee's shape is taken from its own.

    Subregions of two segmented knees lie 5 to 12 mm (root mean square) from the mean of the drawn ones, those
    of other adults 3 to 9 mm, and the drawn ones 3 to 10 mm (benchmarks/results/shapes.md).
    """

    share: float = 0.5
    """Of the knees; the others keep the shape that they have, which says something, too."""
    size: float = 0.07
    """Share by which the knee is larger or smaller, along each axis."""
    slant: float = 0.05
    """Elements of the linear map of each bone about its middle, less those of the identity."""
    bend: float = 1.5
    """mm of each quadratic bend of a bone."""
    apart: float = 3.0
    """mm by which each bone is moved along each axis."""
    turn: float = 12.0
    """Degrees by which each knee is turned about each axis, the share or not: feet fall outwards, legs are
    spread, and that says nothing of the bone."""

    def __call__(self, positions: F64, rng: np.random.Generator) -> F64:
        """The same subregions (n, 200, 3) mm in knees of other shapes, and turned; whoever has them."""
        n = len(positions)
        others = rng.random(n) < self.share
        shaped = np.where(others[:, None, None], self._moved(positions, rng), positions)
        return self._turned(shaped, rng) if self.turn else shaped

    def _turned(self, positions: F64, rng: np.random.Generator) -> F64:
        turns = rng.normal(0.0, np.radians(self.turn), (len(positions), 3))
        middle = positions.mean(axis=1, keepdims=True)
        turned = np.einsum("nij,nkj->nki", Rotation.from_rotvec(turns).as_matrix(), positions - middle)
        return np.asarray(middle + turned)

    def _moved(self, positions: F64, rng: np.random.Generator) -> F64:
        n = len(positions)
        knees = positions.reshape(n, len(Bone), SUBREGIONS_PER_BONE, 3)
        middle = knees.mean(axis=(1, 2), keepdims=True)
        knees = middle + (knees - middle) * np.exp(rng.normal(0.0, self.size, (n, 1, 1, 3)))
        centre = knees.mean(axis=2, keepdims=True)
        linear = np.eye(3) + rng.normal(0.0, self.slant, (n, len(Bone), 3, 3))
        from_centre = np.einsum("nbij,nbkj->nbki", linear, knees - centre)
        near = from_centre / _REACH
        terms = np.stack([near[..., i] * near[..., j] for i, j in _SECOND_ORDER], axis=-1)
        bends = rng.normal(0.0, self.bend, (n, len(Bone), 3, len(_SECOND_ORDER)))
        moved = centre + rng.normal(0.0, self.apart, centre.shape)
        return np.asarray(moved + from_centre + np.einsum("nbif,nbkf->nbki", bends, terms)).reshape(
            positions.shape
        )
