"""The slices of a knee that a page shows, as pictures in the radiological convention."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from ctsma_node.analysis.result import KneeResult
from ctsma_node.report.picture.maps import Map

Voxel = TypeVar("Voxel", np.float32, np.uint8)
Size = tuple[int, int]
"""Width and height in pixels."""

OUTLINES = {"femur": (255, 196, 0), "tibia": (0, 204, 255)}
"""The colours of the bones' outlines, in the order of the bones' labels, from one."""

_MARGIN_MM = 9.0
_WINDOW_HU = (-300.0, 1300.0)
_OPACITY = 0.85


class Plane(Enum):
    """Sagittal: anterior on the left. Coronal: the patient's right on the left. Superior is up in both."""

    SAGITTAL = "sagittal"
    CORONAL = "coronal"


@dataclass(frozen=True)
class Slice:
    """One slice of a knee: arrays [row, column] and the size of a pixel (width, height) in mm."""

    hu: npt.NDArray[np.float32]
    bones: npt.NDArray[np.uint8]
    subregions: npt.NDArray[np.uint8]
    pixel: tuple[float, float]

    @property
    def aspect(self) -> float:
        """Width over height, in the patient."""
        rows, columns = self.hu.shape
        return float(columns * self.pixel[0] / (rows * self.pixel[1]))


def largest_slice(knee: KneeResult, plane: Plane) -> Slice:
    """The slice with the most trabecular bone, cut to the extent of that bone and a margin."""
    inside = knee.subregion_labels > 0
    across = (1, 2) if plane is Plane.SAGITTAL else (0, 1)
    index = int(np.argmax(inside.sum(axis=across)))
    width, height, depth = (float(v) for v in np.linalg.norm(knee.affine[:3, :3], axis=0))
    pixel = (width, height) if plane is Plane.SAGITTAL else (depth, height)
    shadow = inside.max(axis=0 if plane is Plane.SAGITTAL else 2).astype(np.uint8)
    cut = _box(shadow if plane is Plane.SAGITTAL else _turned(shadow), pixel)
    return Slice(
        hu=_shown(knee.hu, plane, index)[cut],
        bones=_shown(knee.bone_labels, plane, index)[cut],
        subregions=_shown(knee.subregion_labels, plane, index)[cut],
        pixel=pixel,
    )


def anatomy(shown: Slice, size: Size) -> Image.Image:
    """The CT with the outlines of femur and tibia."""
    rgb = np.asarray(_ct(shown, size)).copy()
    bones = _enlarged(shown.bones, size)
    for label, colour in enumerate(OUTLINES.values(), start=1):
        rgb[_edge(bones == label)] = colour
    return Image.fromarray(rgb)


def value_map(shown: Slice, values: Map, size: Size) -> Image.Image:
    """The subregions in the colours of their values, over the CT."""
    low, high = values.limits
    labels = _enlarged(shown.subregions, size)
    level = np.clip((values.values[labels] - low) / (high - low), 0, 1)
    colour = values.colours[np.rint(level * 255).astype(np.uint8)]
    ct = np.asarray(_ct(shown, size)).astype(np.float32)
    mixed = np.where((labels > 0)[..., None], (1 - _OPACITY) * ct + _OPACITY * colour, ct)
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def _shown(array: npt.NDArray[Voxel], plane: Plane, index: int) -> npt.NDArray[Voxel]:
    """A slice [row, column] of an array [k, j, i], as it is shown."""
    return array[index] if plane is Plane.SAGITTAL else _turned(array[:, :, index])


def _turned(coronal: npt.NDArray[Voxel]) -> npt.NDArray[Voxel]:
    """[k, j] to [row, column]: k grows to the patient's right, which is shown on the left."""
    return coronal[::-1].T


def _box(inside: npt.NDArray[np.uint8], pixel: tuple[float, float]) -> tuple[slice, slice]:
    """The rows and columns of what is inside, and a margin."""
    rows, columns = np.nonzero(inside)
    bounds = []
    for hit, step, end in zip((rows, columns), (pixel[1], pixel[0]), inside.shape, strict=True):
        margin = round(_MARGIN_MM / step)
        bounds.append(slice(max(int(hit.min()) - margin, 0), min(int(hit.max()) + margin + 1, end)))
    return bounds[0], bounds[1]


def _enlarged(labels: npt.NDArray[np.uint8], size: Size) -> npt.NDArray[np.uint8]:
    picture = Image.fromarray(np.ascontiguousarray(labels))
    return np.asarray(picture.resize(size, Image.Resampling.NEAREST))


def _ct(shown: Slice, size: Size) -> Image.Image:
    low, high = _WINDOW_HU
    grey = np.clip((shown.hu - low) / (high - low), 0, 1) * 255
    picture = Image.fromarray(np.rint(grey).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    return picture.convert("RGB")


def _edge(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pixels of the mask, two deep, that touch its outside; a mask goes on beyond the picture."""
    wider = np.pad(mask, 2, mode="edge")
    inner = wider.copy()
    for axis in (0, 1):
        for step in (-2, -1, 1, 2):
            inner &= np.roll(wider, step, axis)
    return np.asarray(mask & ~inner[2:-2, 2:-2])
