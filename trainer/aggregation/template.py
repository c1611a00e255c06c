"""Where the subregions of an average knee lie: the seeds of every knee's division."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans

from ctsma_node.analysis.bones import LABEL
from ctsma_node.analysis.grid import SPACING
from ctsma_node.analysis.result import SUBREGIONS_PER_BONE, Bone
from ctsma_node.analysis.subregions import bone_frame, inward_distance, trabecular_region
from trainer.phantom.subregions import Template

_POINTS = 1500


def make_template(paths: list[Path], bone: Bone, seed: int) -> Template:
    """100 evenly spread centres (k, j, i), fractions of a region's half-extent, numbered from the joint out.

    `paths` hold canonical `labels` as `knee_labels` makes them.
    """
    rng = np.random.default_rng(seed)
    points = np.concatenate([_relative(np.load(p)["labels"], bone, rng) for p in paths])
    model = KMeans(SUBREGIONS_PER_BONE, n_init=1, random_state=seed).fit(points)
    return _numbered(np.round(model.cluster_centers_, 4), bone)


def _relative(labels: npt.NDArray[np.uint8], bone: Bone, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    region = trabecular_region(inward_distance(labels == LABEL[bone]), bone)
    points = np.argwhere(region) * SPACING[::-1]
    origin, extent = bone_frame(region)
    return np.asarray((points[rng.choice(len(points), _POINTS)] - origin) / extent)


def _numbered(centres: npt.NDArray[np.float64], bone: Bone) -> Template:
    """Layer by layer away from the joint, in each from medial to lateral, then to posterior."""
    depth = -centres[:, 1] if bone is Bone.FEMUR else centres[:, 1]
    layer = np.floor(np.argsort(np.argsort(depth)) / 20)
    column = np.round(centres[:, 0] * 3)
    order = np.lexsort((centres[:, 2], column, layer))
    return tuple((float(k), float(j), float(i)) for k, j, i in centres[order])
