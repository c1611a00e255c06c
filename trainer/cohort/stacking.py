"""The frames of a series in the order of their places, each place held once where pixels agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ctsma_node.assemble import FrameGeometry
from ctsma_node.assemble.stack import SAME_PLANE_MM, axes, order_along
from ctsma_node.assemble.strays import set_aside
from trainer.cohort.grouping import pixel_digest
from trainer.cohort.instance import Instance


def stack(root: Path, instances: Sequence[Instance]) -> tuple[list[FrameGeometry], int]:
    """Frames along the normal of the first, and how many were set aside.

    Set aside are localizers and captures within the series, and slices under a UID of their own whose pixels
    are those of another slice at the same place. Where a frame has no place, frames stay as they came.
    """
    frames = [frame for each in instances for frame in each.frames]
    kept, dropped = set_aside(frames)
    if not kept or not all(frame.has_place for frame in kept):
        return kept, len(dropped)
    positions = np.array([frame.position for frame in kept], dtype=np.float64)
    orientation = kept[0].orientation
    assert orientation is not None  # has_place
    ordered = [kept[at] for at in order_along(positions, orientation)]
    by_path = {root / each.path: each for each in instances}
    once: list[FrameGeometry] = []
    for frame in ordered:
        if not (once and _same_place(once[-1], frame) and _same_pixels(root, by_path, once[-1], frame)):
            once.append(frame)
    return once, len(dropped) + len(ordered) - len(once)


def _same_place(a: FrameGeometry, b: FrameGeometry) -> bool:
    if a.orientation != b.orientation or (a.rows, a.columns) != (b.rows, b.columns):
        return False
    apart = np.subtract(np.array(b.position), np.array(a.position))
    normal = axes(np.array(a.orientation))[2]
    return bool(abs(normal @ apart) <= SAME_PLANE_MM and np.linalg.norm(apart) <= 2 * SAME_PLANE_MM)


def _same_pixels(root: Path, by_path: dict[Path, Instance], a: FrameGeometry, b: FrameGeometry) -> bool:
    if a.multi_frame or b.multi_frame:  # within one instance each frame is its own
        return False
    return pixel_digest(root, by_path[a.path]) == pixel_digest(root, by_path[b.path])
