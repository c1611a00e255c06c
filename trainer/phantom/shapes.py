"""Knees in given shapes: bones segmented in somebody's image, filled with drawn tissue.

What the drawn shapes have in common, every drawn knee has: only shapes from elsewhere tell what of it the
networks rely on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy.ndimage import distance_transform_edt, gaussian_filter

from ctsma_node.errors import SettingsError
from trainer.phantom.bones import tissue_channels
from trainer.phantom.joint import seat_patella
from trainer.phantom.knee import Knee
from trainer.phantom.structure import BoneStructure, Channel, Part

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

STEP = 1.0
"""mm between the samples of a shape."""
_SMOOTH = 0.6
"""Gaussian over labels and distances, mm: it takes the steps of the voxels off, not the form."""
_EDGE = 3
"""Samples at the cut end of a shaft that are left out: smoothing has rounded them."""
_BEYOND = 60
"""Samples by which a cut shaft goes on."""
_EPIPHYSIS = 40.0
"""mm of the femur above its lowest point that place the knee from side to side and front to back."""
_SHAFT_UP = {Part.FEMUR: True, Part.TIBIA: False, Part.FIBULA: False}


@dataclass(frozen=True, eq=False)
class Shapes:
    """Bones of a right knee: the share of bone (0 to 1) at [k, j, i], every STEP mm along S, P and L."""

    bones: dict[Part, F32]


def read_shapes(path: Path, labels: Mapping[Part, int], left: bool = False) -> Shapes:
    """Shapes from a label image that ITK reads; `labels` its value for each bone. A left knee is mirrored.

    Raises SettingsError where it cannot be read or holds no femur or tibia.
    """
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise SettingsError(f"{path}: not an image that ITK reads") from error
    grid = _grid_of(image)
    bones = {}
    for part, value in labels.items():
        mask = sitk.SmoothingRecursiveGaussian(sitk.Cast(image == value, sitk.sitkFloat32), _SMOOTH)
        share = sitk.GetArrayFromImage(sitk.Resample(mask, grid, sitk.Transform(), sitk.sitkLinear, 0.0))
        if share.max() > 0.5:
            bones[part] = np.ascontiguousarray(share[..., ::-1] if left else share)
    if missing := {Part.FEMUR, Part.TIBIA} - set(bones):
        raise SettingsError(f"{path}: no voxel has the label of {' or '.join(sorted(missing))}")
    return Shapes(bones)


def _grid_of(image: sitk.Image) -> sitk.Image:
    """An upright grid of STEP mm around an image."""
    ends = np.array(np.meshgrid(*([0, n - 1] for n in image.GetSize()), indexing="ij")).reshape(3, -1).T
    corners = [image.TransformContinuousIndexToPhysicalPoint([float(v) for v in end]) for end in ends]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    grid = sitk.Image([int(n) + 1 for n in np.ceil((high - low) / STEP)], sitk.sitkFloat32)
    grid.SetOrigin(low.tolist())
    grid.SetSpacing([STEP] * 3)
    return grid


def in_shapes(knee: Knee, shapes: Shapes, scale: float = 1.0) -> Knee:
    """The drawn knee with its tissue in other bones, `scale` times as large, as they stood to one another.

    A bone that `shapes` lacks stays the drawn one; a drawn patella is seated on the other femur. Flexion is
    that of the shapes.
    """
    origin = _origin(knee, shapes)
    rise = _top(knee.structures[Part.TIBIA]) - (_highest(shapes.bones[Part.TIBIA]) * STEP - origin[2])
    structures, poses = dict(knee.structures), dict(knee.poses)
    for part, share in shapes.bones.items():
        lift = 0.0 if _SHAFT_UP.get(part, True) else rise
        structures[part] = _structure(knee, part, share, origin, lift, scale)
        poses[part] = knee.placement
    if Part.PATELLA not in shapes.bones:
        poses[Part.PATELLA] = _seated(knee, structures)
    other = replace(knee)
    other.__dict__.update(structures=structures, poses=poses)
    return other


def _seated(knee: Knee, structures: dict[Part, BoneStructure]) -> F64:
    """The drawn patella's pose before another femur, which stands in the leg's frame as it is."""
    in_leg = np.linalg.inv(knee.placement) @ knee.poses[Part.PATELLA]
    return np.asarray(knee.placement @ seat_patella(structures, np.eye(4), in_leg, knee.anatomy.patella.gap))


def _origin(knee: Knee, shapes: Shapes) -> F64:
    """The point (x, y, z) of the shapes' grid, mm, that lies where the drawn knee's frame has its own."""
    drawn = _inside(knee.structures[Part.FEMUR])
    low = drawn[:, 2].min()
    epiphysis = drawn[drawn[:, 2] < low + _EPIPHYSIS]
    femur = shapes.bones[Part.FEMUR] > 0.5
    lowest = int(np.nonzero(femur.any(axis=(1, 2)))[0].min())
    _, j, i = np.nonzero(femur[lowest : lowest + int(_EPIPHYSIS / STEP)])
    x = _middle(STEP * i.astype(np.float64))
    y = _middle(STEP * j.astype(np.float64)) - _middle(epiphysis[:, 1])
    return np.array([x, y, lowest * STEP - low])


def _middle(values: F64) -> float:
    return float(np.percentile(values, [2.0, 98.0]).mean())


def _inside(bone: BoneStructure) -> F64:
    """Samples within a bone, (n, 3) mm of its frame."""
    k, j, i = np.nonzero(bone.maps[..., Channel.DISTANCE] < 0.0)
    return np.asarray(bone.origin + bone.step * np.stack([i, j, k], axis=1))


def _top(bone: BoneStructure) -> float:
    return float(_inside(bone)[:, 2].max())


def _highest(share: F32) -> int:
    return int(np.nonzero((share > 0.5).any(axis=(1, 2)))[0].max())


def _structure(knee: Knee, part: Part, share: F32, origin: F64, lift: float, scale: float) -> BoneStructure:
    """One bone; `lift` carries its points to the height that the laws of the tissue are written for."""
    long, first = _lengthened(part, share)
    distance = _distance(long) * np.float32(STEP * scale)
    start = (np.array([0.0, 0.0, first * STEP]) - origin) * scale
    step = STEP * scale
    z, y, x = (start[2 - axis] + step * np.arange(n) for axis, n in enumerate(distance.shape))
    grid = np.meshgrid(z + lift * scale, y, x, indexing="ij")
    points = np.stack(grid[::-1], axis=-1).astype(np.float32) / np.float32(scale)
    near = distance < 6.0
    maps = np.zeros((*distance.shape, len(Channel)), dtype=np.float32)
    maps[..., Channel.DISTANCE] = distance
    rng = np.random.default_rng((knee.seed, 4, list(Part).index(part)))
    maps[near, 1:] = tissue_channels(part, points[near], distance[near], knee.tissue, knee.disease, rng)
    drawn = knee.structures[part]
    return BoneStructure(part, maps, start, step, drawn.fabric, drawn.shift)


def _lengthened(part: Part, share: F32) -> tuple[F32, int]:
    """The bone with its shaft led on past the edge of the image, and the index of its first sample."""
    if part not in _SHAFT_UP:
        return share, 0
    if _SHAFT_UP[part]:
        kept = share[:-_EDGE]
        return np.concatenate([kept, np.repeat(kept[-1:], _BEYOND, axis=0)]), 0
    kept = share[_EDGE:]
    return np.concatenate([np.repeat(kept[:1], _BEYOND, axis=0), kept]), _EDGE - _BEYOND


def _distance(share: F32) -> F32:
    """Signed distance in samples, negative inside; near the surface by the share itself."""
    inside = share >= 0.5
    far = distance_transform_edt(~inside) - distance_transform_edt(inside)
    far -= 0.5 * np.sign(far)
    # A smoothed edge falls from 1 to 0 over about 1.6 samples.
    near = np.where(np.abs(far) < 1.2, (0.5 - share) * 1.6, far)
    return np.asarray(gaussian_filter(near.astype(np.float32), _SMOOTH))
