"""How phantoms' bones are divided by the default bundle's templates: patches apart, subregions even."""

from __future__ import annotations

import numpy as np
import pytest

from ctsma_node.analysis.bones import LABEL
from ctsma_node.analysis.patches import MOST_OVERLAP, overlap
from ctsma_node.analysis.result import Bone
from ctsma_node.analysis.subregions import divide, inward_distance, trabecular_region
from trainer.aggregation.cohort import knee_labels
from trainer.phantom.subregions import templates_of

USUAL, SMALL = 300_000, 300_003
"""Seeds; the second one's tibia is the smallest of 24, and its patches overlap the most."""


@pytest.mark.parametrize("seed", [USUAL, SMALL])
def test_patches_stay_apart_and_subregions_even(seed: int) -> None:
    """Paper, section 4.5: intersection over union below 0.5. Over 24 phantoms the most is 0.33."""
    labels, centres = knee_labels(seed)["labels"], []
    for bone in Bone:
        region = trabecular_region(inward_distance(labels == LABEL[bone]), bone)
        partition = divide(region, np.array(templates_of()[bone]))
        sizes = np.bincount(partition.labels.ravel(), minlength=101)[1:]
        assert sizes.std() / sizes.mean() < 0.2
        assert sizes.min() > 0.5 * sizes.mean()
        centres.append(partition.centres)
    assert np.triu(overlap(np.concatenate(centres)), 1).max() < min(MOST_OVERLAP, 0.4)
