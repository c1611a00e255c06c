"""Whether the slices form one stack that can be measured, from positions and orientations alone."""

from __future__ import annotations

import numpy as np

from ctsma_node.assemble.attributes import text, whole
from ctsma_node.assemble.series import Series
from ctsma_node.assemble.stack import (
    SAME_PLANE_MM,
    differing,
    largest_stray,
    missing_slices,
    planes,
    tolerance,
)
from ctsma_node.gate.refusals import refused
from ctsma_node.gate.settings import GateSettings

_SAME_SPACING_MM = 1e-3
_SAME_PLACE_MM = 0.05
_ROUNDING = 1.01
"""A limit of 3 mm means 3 mm as scanners round it."""


def placed(series: Series) -> None:
    """Every slice has a place (raises `no_geometry`)."""
    _ = series.stack


def frame_of_reference(series: Series) -> None:
    """One Frame of Reference UID, where any is given."""
    named = {uid for ds in series.headers if (uid := text(ds, "FrameOfReferenceUID"))}
    if len(named) > 1:
        raise refused("mixed_frame_of_reference", count=len(named))


def matrix(series: Series) -> None:
    """One matrix and one pixel spacing."""
    first = series.frames[0]
    count = 0
    for frame in series.frames:
        apart = np.abs(np.subtract(frame.pixel_spacing or 0.0, first.pixel_spacing or 0.0))
        other_matrix = (frame.rows, frame.columns) != (first.rows, first.columns)
        count += bool(other_matrix or np.any(apart > _SAME_SPACING_MM))
    if count:
        raise refused("mixed_matrix", count=count, total=len(series.frames))


def orientation(series: Series) -> None:
    """One orientation, up to rounding."""
    orientations = np.array([frame.orientation for frame in series.frames], dtype=np.float64)
    others = int(differing(orientations).sum())
    if others:
        raise refused("several_orientations", count=others, total=len(orientations))


def one_slice_per_plane(series: Series) -> None:
    """No plane holds two slices; exact copies are gone by now."""
    crowded = int(np.sum(planes(series.stack.along) > 1))
    if not crowded:
        return
    positions = np.array([frame.position for frame in series.frames], dtype=np.float64)
    same_plane = np.diff(series.stack.along) <= SAME_PLANE_MM
    apart = np.linalg.norm(np.diff(positions, axis=0)[same_plane], axis=1)
    code = "several_stacks" if np.any(apart > _SAME_PLACE_MM) else "duplicate_positions"
    raise refused(code, count=crowded)


def enough_slices(series: Series, limits: GateSettings) -> None:
    """Slices enough to be a knee."""
    if len(series.frames) < limits.min_slices:
        raise refused("too_few_slices", count=len(series.frames), limit=limits.min_slices)


def whole_stack(series: Series) -> None:
    """No gap between the slices, and no part of a concatenation missing (PS3.3 C.7.6.16.2.2.4)."""
    missing = missing_slices(series.stack.along)
    if missing:
        raise refused("missing_slices", count=missing, total=len(series.frames))
    parts: dict[str, set[str]] = {}
    totals: dict[str, int] = {}
    for ds in series.headers:
        if (uid := text(ds, "ConcatenationUID")) and (total := whole(ds, "InConcatenationTotalNumber")):
            parts.setdefault(uid, set()).add(text(ds, "InConcatenationNumber"))
            totals[uid] = total
    absent = sum(max(totals[uid] - len(numbers), 0) for uid, numbers in parts.items())
    if absent:
        raise refused("missing_instances", count=absent)


def even_spacing(series: Series) -> None:
    """Every slice lies where even spacing puts it, along the normal."""
    stack = series.stack
    stray, _ = largest_stray(stack)
    if stray > tolerance(stack.spacing):
        raise refused("uneven_spacing", stray=stray, spacing=stack.spacing)


def straight_or_sheared(series: Series, limits: GateSettings) -> None:
    """The slices lie on one straight line: the affine carries its shear, but no bend."""
    stack = series.stack
    _, stray = largest_stray(stack)
    if stray > tolerance(stack.spacing) or stack.tilt > limits.max_tilt_degrees:
        raise refused("tilted_stack", stray=stray, tilt=stack.tilt)


def thin_slices(series: Series, limits: GateSettings) -> None:
    """Neighbouring slices near enough, and none thicker than the limit as far as headers tell."""
    spacing = series.stack.spacing
    if spacing > limits.max_slice_spacing_mm * _ROUNDING:
        raise refused("too_thick_slices", what="spacing", value=spacing, limit=limits.max_slice_spacing_mm)
    thickest = max((frame.slice_thickness or 0.0 for frame in series.frames), default=0.0)
    if thickest > limits.max_slice_thickness_mm * _ROUNDING:
        raise refused(
            "too_thick_slices", what="thickness", value=thickest, limit=limits.max_slice_thickness_mm
        )


def covering(series: Series, limits: GateSettings) -> None:
    """The stack is as deep as a knee needs."""
    coverage = series.stack.coverage
    if coverage < limits.min_coverage_mm:
        raise refused("short_coverage", coverage=coverage, limit=limits.min_coverage_mm)


def fine_pixels(series: Series, limits: GateSettings) -> None:
    """Pixels small enough for texture."""
    coarsest = max(series.frames[0].pixel_spacing or (0.0,))
    if coarsest > limits.max_pixel_spacing_mm * _ROUNDING:
        raise refused("coarse_pixels", value=coarsest, limit=limits.max_pixel_spacing_mm)


def places(series: Series, limits: GateSettings) -> None:
    """Slices that share places are decoded to tell copies: what they would leave is not too large either."""
    held = len(planes(series.stack.along))
    if held < len(series.frames):
        _fits(series, held, limits)


def size(series: Series, limits: GateSettings) -> None:
    """No more voxels than memory is meant for."""
    _fits(series, len(series.frames), limits)


def _fits(series: Series, slices: int, limits: GateSettings) -> None:
    first = series.frames[0]
    voxels = (first.rows or 0) * (first.columns or 0) * slices
    if voxels > limits.max_voxels:
        raise refused("too_large", count=voxels // 1_000_000, limit=limits.max_voxels // 1_000_000)
