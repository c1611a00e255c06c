"""What a person looks at: CT, MR before and after, and both in one, in two planes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage

from ctsma_node.analysis.grid import SIZE
from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array
from trainer.mr import MRVolume
from trainer.registration.coarse import joint_centre, middle_of
from trainer.registration.joint_field import joint_field
from trainer.registration.knee import CTKnee
from trainer.registration.pair import Registration

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

_SCALE = 2
"""Pixels to a voxel."""
_TILE = 12
"""Voxels of a field of the checkerboard."""
_HU = (-200.0, 1000.0)
_OUTLINE = {Bone.FEMUR: (255, 190, 0), Bone.TIBIA: (0, 220, 255)}
_GAP, _HEAD = 6, 34
_COLUMN = SIZE[0] * _SCALE + _GAP


@dataclass(frozen=True, eq=False)
class Column:
    """`grey[k, j, i]` (uint8) on the CT's analysis grid, with the CT's bones outlined or not."""

    title: str
    grey: U8
    outlined: bool = True


def write_picture(found: Registration, mr: MRVolume, path: Path) -> None:
    """Draw a pair; without verdict `registered` the picture shows what was refused, and says so."""
    knee = found.knee
    start = np.eye(4)
    start[:3, 3] = middle_of(mr.affine, mr.size) - joint_centre(found.pose.points)
    after = grey_mr(knee, mr, {bone: found.pose.bones[bone].transform for bone in Bone})
    columns = [
        Column("CT", grey_hu(knee.hu), outlined=False),
        Column("MR before: fields' middles together", grey_mr(knee, mr, dict.fromkeys(Bone, start))),
        Column("MR after: bone by bone", after),
        Column("CT and MR in turn", in_turn(grey_hu(knee.hu), after), outlined=False),
    ]
    page(knee, columns, _headline(found)).save(path)


def page(knee: CTKnee, columns: list[Column], headline: str) -> Image.Image:
    """The columns in a sagittal plane through a condyle, and in a coronal one through the bones' middle."""
    rows = [_row(plane, knee, columns) for plane in _planes(knee)]
    return _titled(rows, [column.title for column in columns], headline)


def grey_hu(hu: F32) -> U8:
    """A CT's values as grey."""
    return _grey(hu, *_HU)


def grey_mr(knee: CTKnee, mr: MRVolume, transforms: dict[Bone, Array]) -> U8:
    """An MR on the CT's analysis grid by the bones' transforms (CT to MR, LPS mm), as grey."""
    values = joint_field(knee, transforms).resample(mr)
    return _grey(values, 0.0, float(np.percentile(values, 99.5)))


def in_turn(first: U8, second: U8) -> U8:
    """A checkerboard of two volumes [k, j, i]: an edge that goes on from field to field is in both."""
    k, j, i = np.indices(first.shape, sparse=True)
    return np.where((k // _TILE + j // _TILE + i // _TILE) % 2 == 0, first, second)


def _headline(found: Registration) -> str:
    quality = found.quality
    if quality.code:
        return f"{quality.verdict}: {quality.code}. {quality.reason}"
    return f"{quality.verdict}, estimated error {quality.error_mm:.2f} mm"


def _grey(values: F32, low: float, high: float) -> U8:
    return np.asarray(np.clip((values - low) * (255.0 / max(high - low, 1e-6)), 0, 255), dtype=np.uint8)


Plane = Callable[[npt.NDArray[np.generic]], npt.NDArray[np.generic]]


def _planes(knee: CTKnee) -> list[Plane]:
    k, _, i = np.nonzero(knee.mask(Bone.FEMUR))
    condyle, middle = int(np.percentile(k, 25)), int(np.median(i))
    return [lambda volume: volume[condyle], lambda volume: volume[:, :, middle].T]


def _row(plane: Plane, knee: CTKnee, columns: list[Column]) -> U8:
    bones = {bone: _enlarged(np.asarray(plane(knee.mask(bone)), dtype=np.uint8)) > 0 for bone in Bone}
    images = []
    for column in columns:
        grey = _enlarged(np.asarray(plane(column.grey), dtype=np.uint8))
        image = np.repeat(grey[..., None], 3, axis=2)
        for bone, mask in bones.items() if column.outlined else ():
            image[mask & ~ndimage.binary_erosion(mask)] = _OUTLINE[bone]
        images.append(_in_column(image))
    return np.concatenate(images, axis=1)


def _in_column(image: U8) -> U8:
    """Every plane takes as much of the page as the widest."""
    rest = _COLUMN - image.shape[1]
    return np.pad(image, ((0, 0), (rest // 2, rest - rest // 2), (0, 0)))


def _enlarged(image: U8) -> U8:
    return np.repeat(np.repeat(image, _SCALE, axis=0), _SCALE, axis=1)


def _titled(rows: list[U8], titles: list[str], headline: str) -> Image.Image:
    width = max(row.shape[1] for row in rows)
    height = _HEAD + sum(row.shape[0] + _GAP for row in rows)
    whole = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(whole)
    draw.text((4, 2), headline[:200], fill=(255, 255, 255))
    for n, title in enumerate(titles):
        draw.text((4 + n * _COLUMN, 18), title, fill=(180, 180, 180))
    y = _HEAD
    for row in rows:
        whole.paste(Image.fromarray(row), (0, y))
        y += row.shape[0] + _GAP
    return whole
