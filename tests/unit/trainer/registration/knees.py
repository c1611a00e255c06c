"""A made-up knee in two scanners: two bones with texture of their own, each moved rigidly, in soft tissue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ctsma_node.analysis.grid import SIZE, knee_affine
from ctsma_node.analysis.result import Bone, Side
from ctsma_node.volume import Array, apply
from trainer.mr import MRVolume
from trainer.registration.knee import CTKnee

F32 = npt.NDArray[np.float32]
JOINT = np.array([-90.0, 4.0, -30.0])
"""LPS mm, in the CT."""


@dataclass(frozen=True, eq=False)
class Knee:
    """A knee of a right leg; `seed` is who it belongs to."""

    seed: int

    def label(self, lps: Array, bone: Bone) -> npt.NDArray[np.bool_]:
        """Whether points (n, 3) relative to the joint lie in the bone: a condyle or plateau on a shaft."""
        size = 1.0 + 0.04 * np.random.default_rng((self.seed, 3)).normal(size=3)
        up = 1.0 if bone is Bone.FEMUR else -1.0
        x, y, z = (lps / size).T
        z = up * z
        # Medial (+x of a right knee) is larger and further back: a mirrored knee is another shape.
        ends = [
            ((x - side * 20.0) / (20.0 + side * 2.0)) ** 2
            + ((y - 3.0 - side * 4.0) / 25.0) ** 2
            + ((z - 21.0) / 18.0) ** 2
            < 1.0
            for side in (1.0, -1.0)
        ]
        shaft = (((x - 3.0) / 15.0) ** 2 + ((y + 2.0) / 13.0) ** 2 < 1.0) & (z > 14.0) & (z < 58.0)
        return np.asarray(ends[0] | ends[1] | shaft)

    def texture(self, bone: Bone) -> F32:
        """Of a cube of 160 mm around the joint, 1 mm samples [x, y, z], unit variance."""
        rng = np.random.default_rng((self.seed, 1 if bone is Bone.FEMUR else 2))
        field = ndimage.gaussian_filter(rng.standard_normal((160, 160, 160), dtype=np.float32), 0.8)
        return np.asarray(field / field.std())

    def density(self, lps: Array, bone: Bone, texture: F32) -> F32:
        """0 outside the bone, about 0.3 inside, relative to the joint."""
        inside = self.label(lps, bone)
        out = np.zeros(len(lps), dtype=np.float32)
        at = (lps[inside] + 80.0).T
        out[inside] = 0.3 + 0.08 * ndimage.map_coordinates(texture, at, order=1, mode="nearest")
        return out


def moved(bone: Bone, flexion: float = 22.0) -> Array:
    """4 x 4 from the CT to the MR (LPS mm): half of the flexion each, and the leg laid otherwise."""
    half = 0.5 * flexion if bone is Bone.FEMUR else -0.5 * flexion
    turn = Rotation.from_euler("xyz", [half, 3.0, -5.0], degrees=True).as_matrix()
    out = np.eye(4)
    out[:3, :3] = turn
    out[:3, 3] = np.array([3.0, -9.0, 14.0]) - turn @ JOINT
    return out


def ct_of(knee: Knee) -> CTKnee:
    """The knee on the analysis grid."""
    affine = knee_affine(JOINT)
    k, j, i = np.indices(SIZE[::-1]).reshape(3, -1)
    lps = apply(affine, np.stack([i, j, k], axis=1)) - JOINT
    labels = np.zeros(len(lps), dtype=np.uint8)
    hu = np.full(len(lps), 50.0, dtype=np.float32)
    for number, bone in enumerate(Bone, start=1):
        density = knee.density(lps, bone, knee.texture(bone))
        hu[density > 0] = 1200.0 * density[density > 0]
        labels[density > 0] = number
    shape = SIZE[::-1]
    shell = (labels.reshape(shape) > 0) & ~ndimage.binary_erosion(labels.reshape(shape) > 0, iterations=2)
    volume = hu.reshape(shape)
    volume[shell] += 600.0
    noise = np.random.default_rng(knee.seed).normal(0.0, 30.0, shape)
    smooth = ndimage.gaussian_filter(volume, 0.5) + noise
    return CTKnee(Side.RIGHT, smooth.astype(np.float32), labels.reshape(shape), affine)


def mr_of(knee: Knee) -> MRVolume:
    """The knee bent in an MR: marrow bright, bone dark; a turned sagittal grid of 0.9 x 0.9 x 1.5 mm."""
    size = (150, 150, 60)
    affine = np.eye(4)
    axes = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    turn = Rotation.from_rotvec(np.deg2rad([2.0, -3.0, 4.0])).as_matrix()
    affine[:3, :3] = turn @ axes * [0.9, 0.9, 1.5]
    affine[:3, 3] = np.array([5.0, -6.0, 11.0]) - affine[:3, :3] @ ((np.array(size) - 1) / 2.0)
    k, j, i = np.indices(size[::-1]).reshape(3, -1)
    lps = apply(affine, np.stack([i, j, k], axis=1))
    signal = np.full(len(lps), 300.0, dtype=np.float32)
    bones = np.zeros(len(lps), dtype=bool)
    for bone in Bone:
        own = apply(np.asarray(np.linalg.inv(moved(bone)), dtype=np.float64), lps) - JOINT
        density = knee.density(own, bone, knee.texture(bone))
        inside = density > 0
        signal[inside] = 1000.0 * (1.0 - density[inside])
        bones |= inside
    shape = size[::-1]
    mask = bones.reshape(shape)
    volume = signal.reshape(shape)
    volume[mask & ~ndimage.binary_erosion(mask, iterations=1)] = 80.0
    noise = np.random.default_rng((knee.seed, 9)).normal(0.0, 40.0, shape)
    blurred = np.abs(ndimage.gaussian_filter(volume, 0.4) + noise)
    return MRVolume(blurred.astype(np.float32), affine)


def landmarks(bone: Bone) -> Array:
    """Points (n, 3) of a bone, LPS mm of the CT."""
    up = 1.0 if bone is Bone.FEMUR else -1.0
    points = np.array([[38.0, 8, 20], [-36, 0, 20], [0, 26, 18], [0, -20, 22], [3, 0, 55]])
    return np.asarray(JOINT + points * np.array([1.0, 1.0, up]))
