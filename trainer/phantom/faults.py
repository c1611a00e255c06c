"""Faults painted into a finished, noise-free CT image: what a student of sound knees has not seen.

Bones' own frames: x medial, y posterior, z superior, mm, the joint at z = 0. Images are `hu[k, j, i]` with
`affine` (i, j, k) -> LPS mm; every function returns a new image.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from trainer.phantom.knee import Knee
from trainer.phantom.structure import Channel, Part

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

BLOOD_HU, CARTILAGE_HU, CONTRAST_HU = 55.0, 90.0, 450.0
"""Clotted blood in a fracture; hyaline cartilage of a growth plate; diluted iodine of a CT arthrography."""
_PLATE_LEVEL = {Part.FEMUR: 27.0, Part.TIBIA: -17.0}
"""z of the growth plates of an adolescent's knee."""


def growth_plates(hu: F32, affine: F64, knee: Knee, rng: np.random.Generator) -> F32:
    """Open physes of femur and tibia: a wavy lucent plate of 2 to 3 mm between denser borders."""
    out = hu.copy()
    for part, level in _PLATE_LEVEL.items():
        x, y, z = _own_frame(knee, part, affine, hu.shape)
        height = z - level - 2.5 * np.sin(x / 11.0 + rng.uniform(0, 6)) * np.sin(y / 10.0 + rng.uniform(0, 6))
        inside = _inside(distance(knee, part, affine, hu.shape))
        half = rng.uniform(1.0, 1.5)
        plate = inside * _step((half - np.abs(height)) / 0.8)
        border = inside * _step((half + 1.8 - np.abs(height)) / 0.8) - plate
        out += border * rng.uniform(250.0, 450.0)
        out += plate * (CARTILAGE_HU - out)
    return out


def fracture(hu: F32, affine: F64, knee: Knee, rng: np.random.Generator) -> F32:
    """One of femur and tibia broken by a plane, its fragment moved by 2 to 5 mm; a gap, or impacted bone."""
    part = (Part.FEMUR, Part.TIBIA)[int(rng.integers(2))]
    normal, through = _fracture_plane(part, rng)
    along = _across(normal, rng)
    x, y, z = _own_frame(knee, part, affine, hu.shape)
    beyond = (x - through[0]) * normal[0] + (y - through[1]) * normal[1] + (z - through[2]) * normal[2]
    bone = distance(knee, part, affine, hu.shape)
    move = along * rng.uniform(2.0, 5.0)
    index = (np.linalg.inv(affine)[:3, :3] @ knee.poses[part][:3, :3] @ move)[::-1]
    fragment = ndimage.shift(hu, index, order=1, mode="nearest")
    moved = ndimage.shift(bone, index, order=1, mode="nearest") < 1.0
    behind, here = beyond > 0.0, bone < 1.0
    out = np.where(behind & moved, fragment, np.where(behind & here, np.float32(BLOOD_HU), hu))
    half = rng.uniform(0.8, 1.5)
    break_line = _step((half - np.abs(beyond)) / 0.6) * (here | moved)
    impacted = rng.random() < 0.3
    out = out + break_line * (np.full_like(out, 400.0) if impacted else BLOOD_HU - out)
    return np.asarray(out, dtype=np.float32)


def _fracture_plane(part: Part, rng: np.random.Generator) -> tuple[F64, F64]:
    """Normal and a point: a split of one condyle, or a plane across the metaphysis."""
    up = 1.0 if part is Part.FEMUR else -1.0
    if rng.random() < 0.5:
        side = 1.0 if rng.random() < 0.5 else -1.0
        normal, through = np.array([side, 0.0, 0.0]), np.array([side * rng.uniform(10.0, 22.0), 0.0, 0.0])
    else:
        normal, through = np.array([0.0, 0.0, up]), np.array([0.0, 0.0, up * rng.uniform(16.0, 28.0)])
    tilted = normal + rng.uniform(-0.35, 0.35, 3)
    return tilted / np.linalg.norm(tilted), through


def _across(normal: F64, rng: np.random.Generator) -> F64:
    """A direction within the plane."""
    drawn = rng.standard_normal(3)
    flat = drawn - (drawn @ normal) * normal
    return np.asarray(flat / np.linalg.norm(flat))


def arthrography(hu: F32, affine: F64, knee: Knee) -> F32:
    """Contrast medium in the joint: on the cartilage of all three bones, as far as the capsule reaches."""
    far = {part: distance(knee, part, affine, hu.shape) for part in (Part.FEMUR, Part.TIBIA, Part.PATELLA)}
    nearest = np.minimum.reduce(list(far.values()))
    _, _, z = _own_frame(knee, Part.FEMUR, affine, hu.shape)
    low_femur = (far[Part.FEMUR] < 6.0) & (z < 35.0)
    fluid = low_femur * _step((nearest - 2.5) / 0.8)
    return np.asarray(hu + fluid * (CONTRAST_HU - hu), dtype=np.float32)


def distance(knee: Knee, part: Part, affine: F64, shape: tuple[int, ...]) -> F32:
    """mm from each voxel to a bone's surface, negative inside."""
    bone = knee.structures[part]
    to_map = np.linalg.inv(knee.poses[part]) @ affine
    matrix = to_map[:3, :3][::-1, ::-1] / bone.step
    offset = ((to_map[:3, 3] - bone.origin) / bone.step)[::-1]
    field = np.ascontiguousarray(bone.maps[..., Channel.DISTANCE])
    return np.asarray(ndimage.affine_transform(field, matrix, offset, shape, order=1, mode="nearest"))


def _own_frame(knee: Knee, part: Part, affine: F64, shape: tuple[int, ...]) -> tuple[F32, F32, F32]:
    """Coordinates (x, y, z) of every voxel in a bone's frame, mm."""
    m = (np.linalg.inv(knee.poses[part]) @ affine).astype(np.float32)
    k, j, i = np.ogrid[: shape[0], : shape[1], : shape[2]]
    x, y, z = (m[a, 0] * i + m[a, 1] * j + m[a, 2] * k + m[a, 3] for a in range(3))
    return x.astype(np.float32), y.astype(np.float32), z.astype(np.float32)


def _inside(far: F32) -> F32:
    return _step(-far / 0.8)


def _step(x: F32) -> F32:
    """0 below -0.5, 1 above 0.5, straight between: partial volume of an edge."""
    return np.clip(x + np.float32(0.5), 0.0, 1.0)
