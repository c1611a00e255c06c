"""The slices of a knee that a page shows, as pictures in the radiological convention."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from PIL import Image

from ctsma_node.analysis.result import KneeResult

_MARGIN_MM = 9.0
_WINDOW_HU = (-300.0, 1300.0)
_OUTLINE = {1: (255, 196, 0), 2: (0, 204, 255)}  # femur, tibia
_OPACITY = 0.85
COLOURS: npt.NDArray[np.uint8] = (colormaps["viridis"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)
"""256 colours that stay in order for every kind of colour vision and in grey."""


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
        return columns * self.pixel[0] / (rows * self.pixel[1])


def largest_slice(knee: KneeResult, plane: Plane) -> Slice:
    """The slice with the most trabecular bone, cut to the bone and a margin."""
    axis = 0 if plane is Plane.SAGITTAL else 2
    inside = knee.subregion_labels > 0
    area = inside.sum(axis=tuple(a for a in range(3) if a != axis))
    index = int(np.argmax(area))
    width, height, depth = (float(v) for v in np.linalg.norm(knee.affine[:3, :3], axis=0))
    pixel = (width, height) if plane is Plane.SAGITTAL else (depth, height)
    rows, columns = _box(_oriented(inside, plane, None), pixel)
    cut = (slice(*rows), slice(*columns))
    return Slice(
        hu=_oriented(knee.hu, plane, index)[cut],
        bones=_oriented(knee.bone_labels, plane, index)[cut],
        subregions=_oriented(knee.subregion_labels, plane, index)[cut],
        pixel=pixel,
    )


def anatomy(shown: Slice, size: tuple[int, int]) -> Image.Image:
    """The CT with the outlines of femur and tibia; `size` is (width, height) in pixels."""
    rgb = np.asarray(_ct(shown, size)).copy()
    bones = np.asarray(Image.fromarray(shown.bones).resize(size, Image.Resampling.NEAREST))
    for label, colour in _OUTLINE.items():
        rgb[_edge(bones == label)] = colour
    return Image.fromarray(rgb)


def value_map(
    shown: Slice, by_label: npt.NDArray[np.float32], limits: tuple[float, float], size: tuple[int, int]
) -> Image.Image:
    """The subregions in the colours of their values, over the CT; `by_label[256]` gives the values."""
    low, high = limits
    labels = np.asarray(Image.fromarray(shown.subregions).resize(size, Image.Resampling.NEAREST))
    level = np.clip((by_label[labels] - low) / (high - low), 0, 1)
    colour = COLOURS[np.rint(level * 255).astype(np.uint8)]
    ct = np.asarray(_ct(shown, size)).astype(np.float32)
    mixed = np.where((labels > 0)[..., None], (1 - _OPACITY) * ct + _OPACITY * colour, ct)
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def _oriented(array: npt.NDArray[np.generic], plane: Plane, index: int | None) -> npt.NDArray[np.generic]:
    """A slice of an array [k, j, i] as it is shown, or the projection along the slices where index is None."""
    if plane is Plane.SAGITTAL:
        return array.any(axis=0) if index is None else array[index]
    turned = array.any(axis=2) if index is None else array[:, :, index]
    return np.asarray(turned[::-1].T)  # k grows to the patient's right, which is shown on the left


def _box(
    inside: npt.NDArray[np.generic], pixel: tuple[float, float]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last row and column of what is inside, with the margin."""
    bounds = []
    for axis, step in ((1, pixel[1]), (0, pixel[0])):
        hit = np.flatnonzero(inside.any(axis=axis))
        margin = round(_MARGIN_MM / step)
        size = inside.shape[0 if axis == 1 else 1]
        bounds.append((max(int(hit[0]) - margin, 0), min(int(hit[-1]) + margin + 1, size)))
    return bounds[0], bounds[1]


def _ct(shown: Slice, size: tuple[int, int]) -> Image.Image:
    low, high = _WINDOW_HU
    grey = np.clip((shown.hu - low) / (high - low), 0, 1) * 255
    picture = Image.fromarray(np.rint(grey).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    return picture.convert("RGB")


def _edge(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pixels of the mask, two deep, that touch its outside."""
    inner = mask.copy()
    for axis in (0, 1):
        for step in (-2, -1, 1, 2):
            inner &= np.roll(mask, step, axis)
    return np.asarray(mask & ~inner)
