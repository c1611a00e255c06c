"""What is compared of a series: which knees it shows, how finely, and what rules ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import items, text, texts, whole
from ctsma_node.assemble.kernels import kernels
from ctsma_node.assemble.series import FrameGeometry
from ctsma_node.assemble.side import named_sides
from ctsma_node.assemble.stack import Array, axes

_NEARLY = 0.9
"""Least cosine between the normal and an axis of the patient for which a stack is named after a plane."""
_PLANES = ("sagittal", "coronal", "axial")

Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
"""Least and largest x, y and z in LPS mm."""


@dataclass(frozen=True)
class Candidate:
    """A series as far as its headers tell it. None and "": absent or unreadable.

    The header's free text stands here for rules to match, and goes nowhere else.
    """

    series_uid: str
    study_uid: str
    frame_of_reference_uid: str
    series_number: int | None
    side: str  # L or R where the header names one
    original: bool  # not DERIVED by Image Type
    thickness_mm: float | None
    spacing_mm: float | None  # between slices, along the normal
    pixel_mm: float | None  # the coarser of the two
    orientation: str  # axial, sagittal, coronal or oblique
    box: Box | None
    kernel: str = field(repr=False)
    description: str = field(repr=False)
    body_part: str = field(repr=False)
    image_type: str = field(repr=False)  # values joined by backslashes


def describe(frames: Sequence[FrameGeometry], ds: Dataset) -> Candidate:
    """A series from the places of its frames and the header of one of them."""
    placed = [frame for frame in frames if frame.has_place]
    first = placed[len(placed) // 2] if placed else frames[0]
    return Candidate(
        series_uid=text(ds, "SeriesInstanceUID"),
        study_uid=text(ds, "StudyInstanceUID"),
        frame_of_reference_uid=text(ds, "FrameOfReferenceUID"),
        series_number=whole(ds, "SeriesNumber"),
        side=_side(ds),
        original=first.image_type[:1] != ("DERIVED",),
        thickness_mm=first.slice_thickness or None,
        spacing_mm=_spacing(placed),
        pixel_mm=max(first.pixel_spacing) if first.pixel_spacing else None,
        orientation=_plane(first),
        box=_box(placed) if placed else None,
        kernel=next(iter(sorted(kernels([ds]))), ""),
        description=_decoded(ds, "SeriesDescription"),
        body_part=_body_part(ds),
        image_type="\\".join(first.image_type),
    )


def _side(ds: Dataset) -> str:
    named = named_sides(ds) & {"L", "R"}
    return min(named) if len(named) == 1 else ""


def _body_part(ds: Dataset) -> str:
    regions = [_decoded(region, "CodeMeaning") for region in items(ds, "AnatomicRegionSequence")]
    return " ".join([*texts(ds, "BodyPartExamined"), *regions])


def _decoded(ds: Dataset, keyword: str) -> str:
    """Free text in the dataset's character set; "" where it cannot be read."""
    try:
        return str(ds.get(keyword) or "").strip()
    except Exception:  # whatever a broken element makes of the parser
        return ""


def _plane(frame: FrameGeometry) -> str:
    if not frame.has_place:
        return ""
    normal = np.abs(_axes(frame)[2])
    return _PLANES[int(normal.argmax())] if normal.max() >= _NEARLY else "oblique"


def _spacing(frames: Sequence[FrameGeometry]) -> float | None:
    """Usual distance of neighbouring planes; None for one plane."""
    if len(frames) < 2:
        return None
    normal = _axes(frames[0])[2]
    along = np.unique(np.round([np.array(frame.position) @ normal for frame in frames], 2))
    return float(np.median(np.diff(along))) if len(along) > 1 else None


def _box(frames: Sequence[FrameGeometry]) -> Box:
    """Around the corners of every slice (PS3.3 C.7.6.2.1.1)."""
    corners = np.concatenate([_corners(frame) for frame in frames])
    low, high = corners.min(axis=0), corners.max(axis=0)
    (x, y, z) = ((float(a), float(b)) for a, b in zip(low, high, strict=True))
    return x, y, z


def _corners(frame: FrameGeometry) -> Array:
    row, column, _ = _axes(frame)
    assert frame.pixel_spacing is not None  # placed
    assert frame.rows is not None
    assert frame.columns is not None
    width, height = frame.columns * frame.pixel_spacing[1], frame.rows * frame.pixel_spacing[0]
    first = np.array(frame.position, dtype=np.float64)
    return np.array([first + a * width * row + b * height * column for a in (0, 1) for b in (0, 1)])


def _axes(frame: FrameGeometry) -> Array:
    assert frame.orientation is not None  # placed
    return axes(frame.orientation)
