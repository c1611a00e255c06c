"""The trabecular region of each bone and its division into 100 subregions.

maskSLIC (paper, section 4.5) at the compactness that evenly sized subregions need is k-means on position
alone: intensity has no influence. Seeded from the bundle's template centres in the bone's own coordinates,
it gives exactly K subregions, the same number for the same place in every knee, left or right. From seeds of
its own, as in scikit-image, it gives a division as even and as compact, but another one in every knee.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from ctsma_node.analysis.grid import SPACING
from ctsma_node.analysis.result import SUBREGIONS_PER_BONE, Bone
from ctsma_node.volume import Array

CORTEX = 2.0
"""mm taken off the bone's surface as cortex and subchondral plate."""
DEPTH = {Bone.FEMUR: 40.0, Bone.TIBIA: 35.0}
"""mm of bone measured from the joint."""
_KJI = SPACING[::-1]
ITERATIONS = 8

Mask = npt.NDArray[np.bool_]
Distance = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Partition:
    """`labels[k, j, i]`: 0 outside, 1..100 inside; `centres` (100, 3) in fractional (k, j, i) voxels."""

    labels: npt.NDArray[np.uint8]
    centres: Array


def depth_window(bone: Mask, which: Bone) -> Mask:
    """The part of a bone within its measured depth, from its articular end; [k, j, i] with j to inferior."""
    rows = np.where(bone.any(axis=(0, 2)))[0]
    window = np.zeros_like(bone)
    if rows.size == 0:
        return window
    count = np.cumsum(bone.sum(axis=(0, 2)))
    depth = round(DEPTH[which] / SPACING[1])
    if which is Bone.FEMUR:
        end = int(np.searchsorted(count, 0.998 * count[-1]))
        window[:, max(end - depth, 0) : end + 3] = True
    else:
        start = int(np.searchsorted(count, 0.002 * count[-1]))
        window[:, max(start - 2, 0) : start + depth] = True
    return np.asarray(window & bone)


def inward_distance(bone: Mask) -> Distance:
    """mm from each voxel of a bone to its surface, 0 outside; [k, j, i]."""
    distance = np.zeros(bone.shape, dtype=np.float32)
    box = ndimage.find_objects(bone.astype(np.uint8))
    if box:
        padded = np.pad(bone[box[0]], 1)
        distance[box[0]] = ndimage.distance_transform_edt(padded, sampling=_KJI)[1:-1, 1:-1, 1:-1]
    return distance


def trabecular_region(distance: Distance, which: Bone) -> Mask:
    """Bone within its measured depth, without its cortex; `distance` as of `inward_distance`."""
    region = depth_window(distance > 0, which) & (distance > CORTEX)
    pieces, n = ndimage.label(region)
    if n < 2:
        return np.asarray(region)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(pieces == sizes.argmax())


def bone_frame(region: Mask) -> tuple[Array, Array]:
    """Origin and half-extent (k, j, i, mm) of a region: what template coordinates are relative to."""
    points = np.argwhere(region) * _KJI
    low, high = np.quantile(points, [0.01, 0.99], axis=0)
    return (low + high) / 2.0, (high - low) / 2.0


def divide(region: Mask, template: Array) -> Partition:
    """Divide a region into subregions.

    `template` (100, 3) holds the seeds as fractions of the region's half-extent around its middle.
    """
    points = np.argwhere(region) * _KJI
    origin, extent = bone_frame(region)
    seeds = origin + template * extent
    number, centres = _lloyd(points, seeds)
    labels = np.zeros(region.shape, dtype=np.uint8)
    labels[region] = number + 1
    return Partition(labels, centres / _KJI)


def _lloyd(points: Array, seeds: Array) -> tuple[npt.NDArray[np.int32], Array]:
    """k-means from given seeds, single-threaded so that the sums are the same on every machine."""
    with threadpool_limits(1):
        model = KMeans(SUBREGIONS_PER_BONE, init=seeds, n_init=1, max_iter=ITERATIONS, algorithm="lloyd").fit(
            points
        )
    return model.labels_, np.asarray(model.cluster_centers_)
