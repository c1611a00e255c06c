"""How the bones of a knee stand to one another: flexion about the condyles, and the joint space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from trainer.phantom.structure import BoneStructure, Channel, Part

F64 = npt.NDArray[np.float64]

CONDYLAR_AXIS = np.array([0.0, 10.0, 24.0])
"""A point on the axis (along x) that the posterior condyles turn about, leg frame, mm."""
PATELLA_SHARE = 0.6
"""Part of the flexion that the patella follows, relative to the femur."""


@dataclass(frozen=True)
class Posture:
    """Angles in degrees, shifts in mm."""

    flexion: float
    axial_rotation: float  # of the tibia
    wobble: tuple[float, ...]  # shift of the tibia against the femur


def turned(degrees: tuple[float, float, float], centre: F64) -> F64:
    """4 x 4 rotation by a rotation vector in degrees about a point."""
    out = np.eye(4)
    out[:3, :3] = Rotation.from_rotvec(np.deg2rad(degrees)).as_matrix()
    out[:3, 3] = centre - out[:3, :3] @ centre
    return out


def moved(shift: tuple[float, float, float]) -> F64:
    """4 x 4 translation."""
    out = np.eye(4)
    out[:3, 3] = shift
    return out


def bone_poses(
    structures: dict[Part, BoneStructure],
    posture: Posture,
    joint_space: tuple[float, float],
    patella_gap: float,
) -> dict[Part, F64]:
    """Pose of each bone in the leg frame; the fibula goes with the tibia.

    Half the flexion is the femur's and half the tibia's. The tibia is then raised and tilted until the
    smallest distance of the bones is `joint_space` (medial, lateral).
    """
    half = 0.5 * posture.flexion
    femur = turned((-half, 0.0, 0.0), CONDYLAR_AXIS)
    dx, dy, dz = posture.wobble
    tibia = (
        moved((dx, dy, dz))
        @ turned((half, 0.0, 0.0), CONDYLAR_AXIS)
        @ turned((0.0, 0.0, posture.axial_rotation), np.zeros(3))
    )
    tibia = _close_joint(structures, femur, tibia, joint_space)
    patella = femur @ turned((PATELLA_SHARE * posture.flexion, 0.0, 0.0), CONDYLAR_AXIS)
    patella = seat_patella(structures, femur, patella, patella_gap)
    return {Part.FEMUR: femur, Part.TIBIA: tibia, Part.PATELLA: patella, Part.FIBULA: tibia}


def _surface(bone: BoneStructure, low: float) -> F64:
    """Samples (mm, bone frame) near the surface and above z = `low`; their distance as a 4th column."""
    distance = bone.maps[..., Channel.DISTANCE]
    k, j, i = np.nonzero(np.abs(distance) < 0.9)
    points = bone.origin + bone.step * np.stack([i, j, k], axis=1)
    keep = points[:, 2] > low
    return np.column_stack([points[keep], distance[k, j, i][keep]])


def _gaps(femur: BoneStructure, surface: F64, to_femur: F64) -> F64:
    """Distance from each surface sample to the femur, mm."""
    points = surface[:, :3] @ to_femur[:3, :3].T + to_femur[:3, 3]
    return np.asarray(femur.at(points)[:, Channel.DISTANCE] - surface[:, 3])


def _close_joint(
    structures: dict[Part, BoneStructure], femur: F64, tibia: F64, joint_space: tuple[float, float]
) -> F64:
    surface = _surface(structures[Part.TIBIA], -14.0)
    medial, lateral = surface[surface[:, 0] > 9.0], surface[surface[:, 0] < -9.0]
    arm = 40.0
    for _ in range(6):
        relative = np.linalg.inv(femur) @ tibia
        excess = [
            float(_gaps(structures[Part.FEMUR], side, relative).min()) - wanted
            for side, wanted in ((medial, joint_space[0]), (lateral, joint_space[1]))
        ]
        lift = 0.5 * (excess[0] + excess[1])
        tilt = float(np.rad2deg((excess[0] - excess[1]) / arm))
        tibia = moved((0.0, 0.0, lift)) @ tibia @ turned((0.0, -0.8 * tilt, 0.0), np.zeros(3))
    return tibia


def seat_patella(structures: dict[Part, BoneStructure], femur: F64, patella: F64, gap: float) -> F64:
    """The patella's pose, moved to and fro until its smallest distance from the femur is `gap` mm."""
    surface = _surface(structures[Part.PATELLA], -1e3)
    for _ in range(3):
        relative = np.linalg.inv(femur) @ patella
        excess = float(_gaps(structures[Part.FEMUR], surface, relative).min()) - gap
        patella = moved((0.0, excess, 0.0)) @ patella
    return patella
