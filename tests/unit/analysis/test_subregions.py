"""Subregions: K of them, evenly sized, the same place the same number, left as right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial import KDTree
from skimage import segmentation
from sklearn.cluster import KMeans

from ctsma_node.analysis.grid import SPACING
from ctsma_node.analysis.result import SUBREGIONS_PER_BONE, Bone
from ctsma_node.analysis.subregions import (
    CORTEX,
    DEPTH,
    bone_frame,
    depth_window,
    divide,
    inward_distance,
    trabecular_region,
)

SHAPE = (90, 150, 150)


def blob(shift: tuple[int, int, int] = (0, 0, 0), scale: float = 1.0) -> Any:
    """A bone-like shape: an ellipsoid with a shaft upwards."""
    k, j, i = np.indices(SHAPE).astype(float)
    k, j, i = k - 45 - shift[0], j - 60 - shift[1], i - 75 - shift[2]
    head = (k / 34) ** 2 + (j / 22) ** 2 + (i / 28) ** 2 < scale**2
    return head | ((k / 14) ** 2 + (i / 14) ** 2 < scale**2) & (j < 0)


@pytest.fixture(scope="module")
def template() -> Any:
    region = trabecular_region(inward_distance(blob()), Bone.FEMUR)
    origin, extent = bone_frame(region)
    points = (np.argwhere(region) * SPACING[::-1] - origin) / extent
    return KMeans(100, n_init=1, random_state=0).fit(points[::7]).cluster_centers_


def test_region_is_within_depth_and_off_the_cortex() -> None:
    bone = blob()
    region = trabecular_region(inward_distance(bone), Bone.FEMUR)
    rows = np.where(region.any(axis=(0, 2)))[0]
    assert (rows.max() - rows.min()) * SPACING[1] <= DEPTH[Bone.FEMUR]
    assert not (region & ~bone).any()
    near_surface = bone & ~np.roll(bone, 1, axis=1)
    assert not (region & near_surface).any()
    assert CORTEX > 1


def test_depth_is_measured_from_the_joint() -> None:
    femur = depth_window(blob(), Bone.FEMUR)
    tibia = depth_window(blob()[:, ::-1], Bone.TIBIA)
    assert femur[:, 81].any()
    assert not femur[:, :35].any()
    assert tibia[:, 150 - 1 - 81].any()


def test_a_hundred_subregions_evenly_sized(template: Any) -> None:
    region = trabecular_region(inward_distance(blob()), Bone.FEMUR)
    partition = divide(region, template)
    counts = np.bincount(partition.labels.ravel(), minlength=101)[1:]
    assert ((partition.labels > 0) == region).all()
    assert (counts > 0).all()
    assert counts.std() / counts.mean() < 0.35


def test_the_same_place_has_the_same_number_when_the_bone_moves_and_grows(template: Any) -> None:
    a = divide(trabecular_region(inward_distance(blob()), Bone.FEMUR), template)
    b = divide(trabecular_region(inward_distance(blob(shift=(2, 4, -5), scale=1.02)), Bone.FEMUR), template)
    moved = (b.centres - a.centres) * SPACING[::-1]
    assert np.linalg.norm(moved - moved.mean(axis=0), axis=1).max() < 4.0


def test_dividing_twice_gives_the_same(template: Any) -> None:
    region = trabecular_region(inward_distance(blob()), Bone.FEMUR)
    assert (divide(region, template).labels == divide(region, template).labels).all()


def spread(points: Any, number: Any) -> tuple[float, float]:
    """Of parts numbered from 0: deviation of their sizes over the mean, and rms mm to their centres."""
    counts = np.bincount(number, minlength=SUBREGIONS_PER_BONE)
    distance = np.linalg.norm(points - centres_of(points, number)[number], axis=1)
    return float(counts.std() / counts.mean()), float(np.sqrt((distance**2).mean()))


def centres_of(points: Any, number: Any) -> Any:
    sums = [np.bincount(number, weights=points[:, axis]) for axis in range(3)]
    return np.stack(sums, axis=1) / np.bincount(number)[:, None]


def test_the_division_is_that_of_mask_slic_from_other_seeds(template: Any) -> None:
    """As even, as compact, and of k-means on position, which the image does not touch."""
    region = trabecular_region(inward_distance(blob()), Bone.FEMUR)
    box = tuple(slice(a.min(), a.max() + 1) for a in np.nonzero(region))
    inside, image = region[box], np.random.default_rng(0).normal(0.5, 0.1, region[box].shape)
    slic = segmentation.slic(
        image,
        n_segments=SUBREGIONS_PER_BONE,
        compactness=1000.0,
        mask=inside,
        spacing=tuple(SPACING[::-1]),
        channel_axis=None,
        enforce_connectivity=False,
    )
    points = np.argwhere(inside) * SPACING[::-1]
    theirs, ours = slic[inside] - 1, divide(region, template).labels[region].astype(int) - 1
    assert set(theirs) == set(ours) == set(range(SUBREGIONS_PER_BONE))
    (their_evenness, their_size), (evenness, size) = spread(points, theirs), spread(points, ours)
    assert evenness < 0.2
    assert abs(evenness - their_evenness) < 0.08
    assert size == pytest.approx(their_size, rel=0.03)
    nearest = KDTree(centres_of(points, theirs)).query(points)[1]
    assert (nearest == theirs).mean() > 0.97
    apart = np.linalg.norm(centres_of(points, ours)[:, None] - centres_of(points, theirs)[None], axis=2)
    matched = apart[linear_sum_assignment(apart)].mean()
    neighbours = np.mean(KDTree(centres_of(points, ours)).query(centres_of(points, ours), k=2)[0][:, 1])
    assert matched < 0.6 * neighbours
