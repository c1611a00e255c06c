"""Whether the slices of a series are one whole stack; by position alone, as the node assembles them."""

from __future__ import annotations

import numpy as np

from ctsma_node.assemble import FrameGeometry, Series
from ctsma_node.assemble.stack import differing, largest_stray, missing_slices, planes, tolerance
from trainer.cohort.codes import refused
from trainer.cohort.settings import CohortSettings


def placed(frames: list[FrameGeometry]) -> None:
    """Every slice has a place."""
    lost = sum(not frame.has_place for frame in frames)
    if lost or not frames:
        raise refused("no_geometry", count=lost, total=len(frames))


def one_matrix(frames: list[FrameGeometry]) -> None:
    """Rows, columns and pixel spacing are those of the first slice."""
    first = frames[0]
    spacing = np.array([frame.pixel_spacing for frame in frames], dtype=np.float64)
    matrix = np.array([(frame.rows, frame.columns) for frame in frames])
    other = (np.abs(spacing - spacing[0]) > 1e-3 * spacing[0]).any(axis=1) | (
        matrix != (first.rows, first.columns)
    ).any(axis=1)
    if other.any():
        raise refused("mixed_matrix", count=int(other.sum()), total=len(frames))


def one_orientation(frames: list[FrameGeometry]) -> None:
    """All slices are parallel."""
    other = differing(np.array([frame.orientation for frame in frames], dtype=np.float64))
    if other.any():
        raise refused("several_orientations", count=int(other.sum()), total=len(frames))


def one_slice_per_plane(series: Series) -> None:
    """Each plane is held once; copies were dropped before."""
    held = planes(series.stack.along)
    if (held > 1).any():
        raise refused("duplicate_positions", count=int((held > 1).sum()))


def enough_slices(series: Series, limit: int) -> None:
    """At least `limit` slices."""
    if len(series.frames) < limit:
        raise refused("too_few_slices", count=len(series.frames), limit=limit)


def whole_stack(series: Series) -> None:
    """No gap inside the stack, and no slice out of its place."""
    if count := missing_slices(series.stack.along):
        raise refused("missing_slices", count=count, total=len(series.frames))
    stray, _ = largest_stray(series.stack)
    if stray > tolerance(series.stack.spacing):
        raise refused("uneven_spacing", stray=stray)


def straight_or_sheared(series: Series, settings: CohortSettings) -> None:
    """Slices follow a straight line that leans no further than a gantry does."""
    _, sideways = largest_stray(series.stack)
    if sideways > tolerance(series.stack.spacing) or series.stack.tilt > settings.max_tilt_degrees:
        raise refused("tilted_stack", tilt=series.stack.tilt)


def fine(series: Series, modality: str, settings: CohortSettings) -> None:
    """Voxels fine enough to tell of trabeculae."""
    spacing = series.frames[0].pixel_spacing
    assert spacing is not None  # placed() would have refused
    pixel = settings.max_ct_pixel_mm if modality == "CT" else settings.max_mr_pixel_mm
    if max(spacing) > pixel:
        raise refused("coarse_pixels", value=max(spacing), limit=pixel)
    if series.stack.spacing > settings.max_slice_spacing_mm:
        raise refused("too_thick_slices", value=series.stack.spacing, limit=settings.max_slice_spacing_mm)
