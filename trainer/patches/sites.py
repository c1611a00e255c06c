"""Where patches are taken: the node's own subregions, and points drawn between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.bones import LABEL
from ctsma_node.analysis.grid import canonical, canonical_affine
from ctsma_node.analysis.patches import covered_centre
from ctsma_node.analysis.result import Bone, KneeResult
from ctsma_node.analysis.subregions import CORTEX, inward_distance, trabecular_region
from ctsma_node.volume import Array, apply

MEASURED_DEPTH = 3.0
"""mm under the bone's surface: slices of 1.5 mm that reach into the subchondral plate would count it as bone
between trabeculae."""
DRAWN = 0
"""Subregion number of a site that was drawn."""


@dataclass(frozen=True, eq=False)
class Sites:
    """Sites of one bone of one knee, all on voxel corners or centres of the analysis grid, as a patch's is.

    `centres` (n, 3) canonical (k, j, i); `lps` (n, 3) mm of the CT; `subregion` (n,) 1..100, or DRAWN;
    `measured[k, j, i]`, canonical: the trabecular bone that MR is measured in; `inside[k, j, i]`: bone under
    its cortex, what a patch's mask shows.
    """

    bone: Bone
    centres: Array
    lps: Array
    subregion: npt.NDArray[np.uint8]
    measured: npt.NDArray[np.bool_]
    inside: npt.NDArray[np.bool_]


def sites_of(knee: KneeResult, bone: Bone, drawn: int, rng: np.random.Generator) -> Sites:
    """The 100 subregions' centres of a bone and `drawn` points of its trabecular region."""
    distance = inward_distance(canonical(knee.bone_labels == LABEL[bone], knee.side))
    region = trabecular_region(distance, bone)
    points = np.argwhere(region)
    picked = points[rng.choice(len(points), drawn)] + rng.uniform(-0.5, 0.5, (drawn, 3))
    own = [s for s in knee.subregions if s.bone is bone]
    to_lps = canonical_affine(knee.affine, knee.side)
    middles = apply(np.asarray(np.linalg.inv(to_lps)), [s.centre for s in own])[:, ::-1]
    centres = covered_centre(np.concatenate([middles, picked]))
    return Sites(
        bone=bone,
        centres=centres,
        lps=apply(to_lps, centres[:, ::-1]),
        subregion=np.array([s.number for s in own] + [DRAWN] * drawn, dtype=np.uint8),
        measured=region & (distance > MEASURED_DEPTH),
        inside=np.asarray(distance > CORTEX),
    )
