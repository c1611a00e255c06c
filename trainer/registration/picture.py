"""What a person looks at: CT, MR before and after, and both in one, in two planes."""

from __future__ import annotations

from collections.abc import Callable
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
from trainer.registration.joint_field import JointField, joint_field
from trainer.registration.knee import CTKnee
from trainer.registration.pair import Registration

F32 = npt.NDArray[np.float32]
RGB = npt.NDArray[np.uint8]

_SCALE = 2
"""Pixels to a voxel."""
_TILE = 12
"""Voxels of a field of the checkerboard."""
_HU = (-200.0, 1000.0)
_OUTLINE = {Bone.FEMUR: (255, 190, 0), Bone.TIBIA: (0, 220, 255)}
_GAP, _HEAD = 6, 34
_COLUMN = SIZE[0] * _SCALE + _GAP
_COLUMNS = ("CT", "MR before: fields' middles together", "MR after: bone by bone", "CT and MR in turn")


def write_picture(found: Registration, mr: MRVolume, path: Path) -> None:
    """Draw a pair; without verdict `registered` the picture shows what was refused, and says so."""
    knee = found.knee
    start = np.eye(4)
    start[:3, 3] = middle_of(mr.affine, mr.size) - joint_centre(found.pose.points)
    before = _moved(knee, mr, dict.fromkeys(Bone, start))
    after = _moved(knee, mr, {bone: found.pose.bones[bone].transform for bone in Bone})
    ct = _grey(knee.hu, *_HU)
    rows = [_row(plane, knee, ct, before, after) for plane in _planes(knee)]
    _titled(rows, _headline(found)).save(path)


def _headline(found: Registration) -> str:
    quality = found.quality
    if quality.code:
        return f"{quality.verdict}: {quality.code}. {quality.reason}"
    return f"{quality.verdict}, estimated error {quality.error_mm:.2f} mm"


def _moved(knee: CTKnee, mr: MRVolume, transforms: dict[Bone, Array]) -> RGB:
    field: JointField = joint_field(knee, transforms)
    values = field.resample(mr)
    return _grey(values, 0.0, float(np.percentile(values, 99.5)))


def _grey(values: F32, low: float, high: float) -> RGB:
    return np.asarray(np.clip((values - low) * (255.0 / max(high - low, 1e-6)), 0, 255), dtype=np.uint8)


Plane = Callable[[npt.NDArray[np.generic]], npt.NDArray[np.generic]]


def _planes(knee: CTKnee) -> list[Plane]:
    """A sagittal plane through a condyle, and a coronal one through the middle of the bones."""
    k, _, i = np.nonzero(knee.mask(Bone.FEMUR))
    condyle, middle = int(np.percentile(k, 25)), int(np.median(i))
    return [lambda volume: volume[condyle], lambda volume: volume[:, :, middle].T]


def _row(plane: Plane, knee: CTKnee, ct: RGB, before: RGB, after: RGB) -> RGB:
    images = [_enlarged(np.asarray(plane(each), dtype=np.uint8)) for each in (ct, before, after)]
    bones = {bone: _enlarged(np.asarray(plane(knee.mask(bone)), dtype=np.uint8)) > 0 for bone in Bone}
    coloured = [np.repeat(image[..., None], 3, axis=2) for image in images]
    checked = np.where(_board(images[0].shape)[..., None], coloured[0], coloured[2])
    for image in coloured[1:]:
        for bone, mask in bones.items():
            image[mask & ~ndimage.binary_erosion(mask)] = _OUTLINE[bone]
    return np.concatenate([_in_column(image) for image in (*coloured, checked)], axis=1)


def _in_column(image: RGB) -> RGB:
    """Every plane takes as much of the page as the widest."""
    rest = _COLUMN - image.shape[1]
    return np.pad(image, ((0, 0), (rest // 2, rest - rest // 2), (0, 0)))


def _enlarged(image: RGB) -> RGB:
    return np.repeat(np.repeat(image, _SCALE, axis=0), _SCALE, axis=1)


def _board(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    row, column = np.indices(shape) // (_TILE * _SCALE)
    return np.asarray((row + column) % 2 == 0)


def _titled(rows: list[RGB], headline: str) -> Image.Image:
    width = max(row.shape[1] for row in rows)
    height = _HEAD + sum(row.shape[0] + _GAP for row in rows)
    page = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(page)
    draw.text((4, 2), headline[:200], fill=(255, 255, 255))
    for n, title in enumerate(_COLUMNS):
        draw.text((4 + n * _COLUMN, 18), title, fill=(180, 180, 180))
    y = _HEAD
    for row in rows:
        page.paste(Image.fromarray(row), (0, y))
        y += row.shape[0] + _GAP
    return page
