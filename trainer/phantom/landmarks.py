"""Landmarks of femur and tibia: points of the bone that an anatomist would name, the same in every scan.

Each is the sample of the bone's surface that lies furthest along a direction within a region of the bone's
own frame (of a right knee: x medial, y posterior, z superior, in mm for a knee of middle size).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import apply
from trainer.phantom.knee import Knee
from trainer.phantom.structure import BoneStructure, Channel, Part

F64 = npt.NDArray[np.float64]
_FREE = (-1e3, 1e3)


@dataclass(frozen=True)
class _Landmark:
    """Furthest along `direction` among surface points within the ranges."""

    direction: tuple[float, float, float]
    x: tuple[float, float] = _FREE
    y: tuple[float, float] = _FREE
    z: tuple[float, float] = _FREE


LANDMARKS: dict[Bone, dict[str, _Landmark]] = {
    Bone.FEMUR: {
        "medial epicondyle": _Landmark((1, 0, 0), z=(8, 45)),
        "lateral epicondyle": _Landmark((-1, 0, 0), z=(8, 45)),
        "medial condyle, posterior": _Landmark((0, 1, 0), x=(6, 50), z=(0, 45)),
        "lateral condyle, posterior": _Landmark((0, 1, 0), x=(-50, -6), z=(0, 45)),
        "medial condyle, distal": _Landmark((0, 0, -1), x=(6, 50)),
        "lateral condyle, distal": _Landmark((0, 0, -1), x=(-50, -6)),
        "trochlea, medial ridge": _Landmark((0, -1, 0), x=(4, 40), z=(15, 50)),
        "trochlea, lateral ridge": _Landmark((0, -1, 0), x=(-40, -4), z=(15, 50)),
        "intercondylar notch, roof": _Landmark((0, 0, -1), x=(-2, 2), y=(-5, 12)),
    },
    Bone.TIBIA: {
        "medial plateau, edge": _Landmark((1, 0, 0), z=(-25, 12)),
        "lateral plateau, edge": _Landmark((-1, 0, 0), z=(-25, 12)),
        "medial plateau, posterior": _Landmark((0, 1, 0), x=(8, 50), z=(-25, 12)),
        "lateral plateau, posterior": _Landmark((0, 1, 0), x=(-50, -8), z=(-25, 12)),
        "medial plateau, anterior": _Landmark((0, -1, 0), x=(8, 50), z=(-22, 12)),
        "lateral plateau, anterior": _Landmark((0, -1, 0), x=(-50, -8), z=(-22, 12)),
        "medial spine": _Landmark((0, 0, 1), x=(1, 14)),
        "lateral spine": _Landmark((0, 0, 1), x=(-14, -1)),
        "tuberosity": _Landmark((0, -1, 0), z=(-60, -28)),
    },
}


def in_bone(structure: BoneStructure, bone: Bone, size: tuple[float, float, float]) -> dict[str, F64]:
    """Each landmark (3,) in the bone's frame, mm; `size` is Anatomy.size, which scales the regions."""
    maps = structure.maps[..., Channel.DISTANCE]
    k, j, i = np.nonzero(np.abs(maps) < 0.9)
    surface = structure.origin + structure.step * np.stack([i, j, k], axis=1)
    # Samples lie up to 0.9 mm off the surface: go to it along the direction that is asked for.
    off = maps[k, j, i]
    return {name: _furthest(surface, off, wanted, size) for name, wanted in LANDMARKS[bone].items()}


def landmarks_of(knee: Knee, bone: Bone) -> dict[str, F64]:
    """Each landmark (3,) where the scan of this knee has it, LPS mm."""
    part = Part(bone.value)
    found = in_bone(knee.structures[part], bone, knee.anatomy.size)
    return {name: apply(knee.poses[part], point) for name, point in found.items()}


def _furthest(
    surface: F64, off: npt.NDArray[np.float32], wanted: _Landmark, size: tuple[float, float, float]
) -> F64:
    inside = np.ones(len(surface), dtype=bool)
    for axis, (low, high) in enumerate((wanted.x, wanted.y, wanted.z)):
        inside &= (surface[:, axis] >= low * size[axis]) & (surface[:, axis] <= high * size[axis])
    direction = np.array(wanted.direction)
    reach = surface[inside] @ direction - off[inside]
    best = int(np.argmax(reach))
    return np.asarray(surface[inside][best] - off[inside][best] * direction)
