"""All features of CT patches, named."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.radiomics import matrices, texture
from trainer.radiomics.grey_levels import Discretisation, Mask
from trainer.radiomics.intensity import histogram, statistics

DISTANCES = (1, 2)
"""Chebyshev distances of the co-occurrence matrices, in voxels of 1 mm."""


def patch_features(hu: npt.NDArray[np.floating], mask: Mask, bins: Discretisation) -> dict[str, float]:
    """Features of one patch (12, 12, 12) inside its mask, by name.

    Raises ValueError where no voxel of the mask counts.
    """
    levels = bins.levels(hu, mask)
    counted = levels > 0
    voxels = float(counted.sum())
    found = {"voxels": voxels, **statistics(np.asarray(hu, dtype=np.float64)[counted]), **histogram(levels)}
    for distance in DISTANCES:
        of_pairs = texture.of_cooccurrence(matrices.cooccurrence(levels, distance))
        found |= {f"{name}_d{distance}": value for name, value in of_pairs.items()}
    runs = matrices.run_lengths(levels)
    found |= texture.of_sizes("rlm", runs, voxels * len(matrices.DIRECTIONS))
    found |= texture.of_zones(*matrices.zone_sizes(levels))
    return found | texture.of_tones(*matrices.tone_differences(levels))


def features(
    hu: npt.NDArray[np.floating], mask: Mask, bins: Discretisation
) -> tuple[npt.NDArray[np.float32], list[str]]:
    """Features (n, f) of patches (n, 12, 12, 12), and their f names."""
    rows = [patch_features(each, inside, bins) for each, inside in zip(hu, mask, strict=True)]
    return np.array([list(row.values()) for row in rows], dtype=np.float32), list(rows[0])
