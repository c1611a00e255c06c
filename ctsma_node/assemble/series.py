"""A series as its headers tell it: the pixel-free datasets and the place of every frame."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import text
from ctsma_node.assemble.refusals import refused
from ctsma_node.assemble.stack import Array, Stack, axes, fit_stack
from ctsma_node.volume import SourceFrame


@dataclass(frozen=True)
class FrameGeometry:
    """One slice: where it lies and what its stored values mean. None: absent or unreadable."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    index: int  # zero-based frame of the instance
    multi_frame: bool
    rows: int | None
    columns: int | None
    position: tuple[float, ...] | None  # LPS mm, Image Position (Patient)
    orientation: tuple[float, ...] | None  # six direction cosines
    pixel_spacing: tuple[float, ...] | None  # mm: between rows (along j), between columns (along i)
    slice_thickness: float | None  # mm, as the header claims
    rescale_slope: float | None
    rescale_intercept: float | None  # HU
    rescale_type: str
    image_type: tuple[str, ...]  # upper case; Frame Type of a multi-frame instance
    conversion_type: str  # upper case; how a secondary capture was made

    @property
    def source(self) -> SourceFrame:
        """The frame as references name it (frames of multi-frame instances count from one)."""
        number = self.index + 1 if self.multi_frame else None
        return SourceFrame(self.sop_class_uid, self.sop_instance_uid, number)

    @property
    def has_place(self) -> bool:
        """Whether position, orientation, pixel spacing and matrix are all there and usable."""
        if self.position is None or self.orientation is None or self.pixel_spacing is None:
            return False
        if not self.rows or not self.columns or min(self.pixel_spacing) <= 0:
            return False
        try:
            axes(self.orientation)
        except ValueError:
            return False
        return True


@dataclass(frozen=True)
class Dropped:
    """A frame of the series that is not in the stack.

    Its code is localizer, secondary_capture, projection or duplicate.
    """

    source: SourceFrame
    code: str


@dataclass(frozen=True, eq=False)
class Series:
    """The instances of one series, without pixels.

    `frames` ascend along the normal row x column where they have a place; `headers` hold one dataset per
    instance, with its file meta information, in the order of their first frames.
    """

    headers: tuple[Dataset, ...]
    frames: tuple[FrameGeometry, ...]
    dropped: tuple[Dropped, ...] = ()

    @property
    def series_uid(self) -> str:
        """Series Instance UID of the first instance."""
        return text(self.headers[0], "SeriesInstanceUID")

    @property
    def study_uid(self) -> str:
        """Study Instance UID of the first instance; "" where it is absent."""
        return text(self.headers[0], "StudyInstanceUID")

    @property
    def sources(self) -> tuple[SourceFrame, ...]:
        """The frames as references name them, slice by slice."""
        return tuple(frame.source for frame in self.frames)

    def header_of(self, frame: FrameGeometry) -> Dataset:
        """The dataset that a frame of this series was read from."""
        return self._by_path[frame.path]

    def slices_by_file(self) -> dict[Path, list[int]]:
        """The slice numbers k of each file, in the order its frames are stored."""
        slices: defaultdict[Path, list[int]] = defaultdict(list)
        for k in sorted(range(len(self.frames)), key=lambda k: self.frames[k].index):
            slices[self.frames[k].path].append(k)
        return slices

    @cached_property
    def _by_path(self) -> dict[Path, Dataset]:
        return dict(zip(dict.fromkeys(frame.path for frame in self.frames), self.headers, strict=False))

    @cached_property
    def stack(self) -> Stack:
        """The fitted stack. Raises Refused `no_geometry` where a frame has no place."""
        lost = sum(not frame.has_place for frame in self.frames)
        if lost or not self.frames:
            raise refused("no_geometry", count=lost, total=len(self.frames))
        positions = np.array([frame.position for frame in self.frames], dtype=np.float64)
        orientations = np.array([frame.orientation for frame in self.frames], dtype=np.float64)
        return fit_stack(positions, orientations)

    @property
    def affine(self) -> Array:
        """Index (i, j, k, 1) to LPS mm, 4 x 4; its k column is the fitted step, shear included."""
        stack, spacing = self.stack, self.frames[0].pixel_spacing
        assert spacing is not None  # the stack would have refused
        affine = np.eye(4)
        affine[:3, 0] = stack.row * spacing[1]
        affine[:3, 1] = stack.column * spacing[0]
        affine[:3, 2] = stack.step
        affine[:3, 3] = stack.origin
        return affine
