"""A scene painted or labelled on a grid of cells: tissue first, bones over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from trainer.phantom.cells import label_bone, paint_layers
from trainer.phantom.knee import Knee
from trainer.phantom.law import law
from trainer.phantom.paint import Trabeculae, paint_bone
from trainer.phantom.solid import Layers
from trainer.phantom.spots import Contrast, Sampled
from trainer.phantom.structure import LABELS, BoneStructure, Part
from trainer.phantom.texture import tiles

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Size = tuple[int, int, int]


class Painted(Protocol):
    """What can be rendered: knees (perhaps none) over layers of tissue."""

    @property
    def knees(self) -> tuple[Knee, ...]:
        """Knees; may be none."""

    @property
    def layers(self) -> tuple[Layers, ...]:
        """Tissue under the bones, in the order of painting."""


def label_on(scene: Painted, affine: F64, size: Size, knee: int | None = None) -> U8:
    """Bones at voxel centres, [k, j, i]: 0 none, 1 femur, 2 tibia, 3 patella, 4 fibula; one knee or all."""
    labels = np.zeros(size[::-1], dtype=np.uint8)
    for number, one in enumerate(scene.knees):
        if knee is not None and knee != number:
            continue
        for part, bone in one.structures.items():
            m = np.linalg.inv(one.poses[part]) @ affine
            box = _box(bone.origin, bone.maps.shape, bone.step, m, size, 1.0)
            label_bone(labels, box, m[:3], bone.maps, bone.origin, bone.step, LABELS[part])
    return labels


def paint_scene(
    scene: Painted,
    cells: F32,
    affine: F64,
    first_slice: int,
    seen: Callable[[Knee], Contrast],
    every: float | None,
) -> None:
    """Paint layers, then bones, onto the cells of `affine`.

    `seen` says what a knee's tissues are worth. The trabecular field is sampled at least `every` mm within a
    cell; None paints its mean.
    """
    size = cells.shape[2], cells.shape[1], cells.shape[0]
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    edge = float(spacing.mean())
    for layers in scene.layers:
        m = np.linalg.inv(layers.pose) @ affine
        box = _box(layers.origin, layers.maps.shape, layers.step, m, size, 0.0)
        of, share = layers.mottling.tables(layers.maps.shape[3])
        paint_layers(
            cells,
            box,
            m[:3],
            layers.maps,
            layers.origin,
            layers.step,
            layers.hu,
            edge,
            of,
            share,
            tiles(),
            layers.mottling.shift,
        )
    for knee in scene.knees:
        for part in Part:
            _paint_bone(cells, knee, part, affine, size, first_slice, seen(knee), every)


def _paint_bone(
    cells: F32,
    knee: Knee,
    part: Part,
    affine: F64,
    size: Size,
    first_slice: int,
    seen: Contrast,
    every: float | None,
) -> None:
    bone: BoneStructure = knee.structures[part]
    table = law()
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    m = np.linalg.inv(knee.poses[part]) @ affine
    samples = np.ceil(spacing / (every or np.inf) - 1e-6).clip(1).astype(np.int64)
    trabeculae = Trabeculae(
        tiles(),
        bone.fabric,
        bone.shift,
        table.threshold,
        table.bvtv,
        table.rodness,
        table.width,
        every is not None,
    )
    paint_bone(
        cells,
        _box(bone.origin, bone.maps.shape, bone.step, m, size, 4.0),
        m[:3],
        Sampled(bone.maps, bone.origin, bone.step),
        trabeculae,
        seen,
        samples,
        first_slice,
    )


def _box(origin: F64, shape: tuple[int, ...], step: float, m: F64, size: Size, margin: float) -> I64:
    """Index box (i0, i1, j0, j1, k0, k1) of a map on the grid; endless along the map's z, as the maps are."""
    low = origin - margin
    high = origin + step * (np.array(shape[2::-1]) - 1) + margin
    corners = np.array([[(low, high)[c >> a & 1][a] for a in range(3)] for c in range(8)])
    corners[:, 2] = np.where(corners[:, 2] > corners[:, 2].mean(), 2000.0, -2000.0)
    index = (np.linalg.inv(m) @ np.column_stack([corners, np.ones(8)]).T)[:3]
    start = np.clip(np.floor(index.min(axis=1)), 0, size).astype(np.int64)
    stop = np.clip(np.ceil(index.max(axis=1)) + 1, 0, size).astype(np.int64)
    return np.array([start[0], stop[0], start[1], stop[1], start[2], stop[2]])
