"""The soft tissue of one leg: skin, fat, muscles, capsule, tendons, vessels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from trainer.phantom.knee import Knee
from trainer.phantom.sdf import F32, Points, capsule, ellipsoid, loft, union, waves
from trainer.phantom.solid import Layers, Mottling, sample_points
from trainer.phantom.structure import BoneStructure, Channel, Part

F64 = npt.NDArray[np.float64]

STEP = 3.0
BOX = ((-112.0, 112.0), (-112.0, 112.0), (-180.0, 190.0))
TISSUES = ("skin", "fat", "muscle", "capsule", "fluid", "fat pad", "meniscus", "tendon", "vessel")
"""The layers in the order of painting."""
SKIN_HU, CAPSULE_HU, TENDON_HU, MENISCUS_HU = 25.0, 38.0, 85.0, 90.0
MOTTLED: dict[str, tuple[str, float]] = {
    "fat": ("capsule", 0.2),  # walls of connective tissue
    "muscle": ("fat", 0.3),
    "fat pad": ("capsule", 0.25),
}
"""What is scattered through a tissue, and its share where it is thickest."""


@dataclass(frozen=True)
class LegForm:
    """Soft tissue of one person."""

    girth: float  # scale of the muscles and the outline
    fat: float  # thickness under the skin, mm
    fat_hu: float
    muscle_hu: float
    vessel_hu: float  # 45, more after contrast
    effusion: float  # thickness of the fluid above the patella, mm
    seed: int


def draw_leg_form(rng: np.random.Generator) -> LegForm:
    """Thin to obese."""
    return LegForm(
        girth=float(np.clip(rng.normal(1.0, 0.07), 0.82, 1.2)),
        fat=float(np.clip(rng.lognormal(np.log(7.5), 0.5), 2.0, 26.0)),
        # Threads of the other tissue, which MOTTLED adds, bring both 4 HU nearer to one another.
        fat_hu=float(rng.normal(-109.0, 6.0)),
        muscle_hu=float(rng.normal(51.0, 5.0)),
        vessel_hu=float(rng.normal(45.0, 4.0) if rng.random() < 0.85 else rng.uniform(120.0, 280.0)),
        effusion=float(np.clip(rng.normal(2.0, 2.0), 0.0, 9.0)),
        seed=int(rng.integers(2**31)),
    )


def leg_layers(knee: Knee, form: LegForm) -> Layers:
    """Layers in the leg's frame (that of a right knee), bones' distances taken into account."""
    points, origin = sample_points(BOX, STEP)
    bones = {part: _distance(knee, part, points) for part in Part}
    p = _straightened(points, knee.flexion)
    q = p / np.float32(form.girth)
    nearest = np.minimum.reduce(list(bones.values()))
    skin = union(_outline(q) - np.float32(form.fat), nearest - np.float32(2.5 + 0.35 * form.fat), 25.0)
    fascia = skin + np.float32(1.7 + form.fat * 0.8)
    muscles = _muscles(q, fascia, form)
    gap = 0.5 * (bones[Part.FEMUR] + np.minimum(bones[Part.TIBIA], bones[Part.PATELLA])) - np.float32(6.5)
    capsule_layer = np.maximum(np.maximum(gap, fascia), nearest - np.float32(9.0))
    meniscus = _menisci(knee, points, bones[Part.FEMUR], bones[Part.TIBIA])
    pouch = ellipsoid(p, (0.0, -33.0, 62.0), (24.0, 2.0 + form.effusion, 22.0))
    layers = {
        "skin": (skin, SKIN_HU),
        "fat": (skin + np.float32(1.7), form.fat_hu),
        "muscle": (muscles, form.muscle_hu),
        "capsule": (capsule_layer, CAPSULE_HU),
        "fluid": (np.maximum(pouch, fascia), 18.0),
        "fat pad": (ellipsoid(p, (0.0, -31.0, -2.0), (19.0, 8.0, 15.0)), form.fat_hu + 12.0),
        "meniscus": (meniscus, MENISCUS_HU),
        "tendon": (np.maximum(_tendons(p), skin + np.float32(2.2)), TENDON_HU),
        "vessel": (_vessels(p), form.vessel_hu),
    }
    maps = np.stack([layers[name][0] for name in TISSUES], axis=-1).astype(np.float32)
    hu = np.array([layers[name][1] for name in TISSUES])
    return Layers(maps, origin, STEP, hu, knee.placement, _mottling(form))


def _mottling(form: LegForm) -> Mottling:
    of = {TISSUES.index(name): (TISSUES.index(other), share) for name, (other, share) in MOTTLED.items()}
    return Mottling(of, float(form.seed % 1000))


def _menisci(knee: Knee, points: Points, femur: F32, tibia: F32) -> F32:
    """Two crescents that fill the wedge between condyle and plateau, open towards the eminence."""
    to_bone = np.linalg.inv(knee.poses[Part.TIBIA]) @ knee.placement
    own = (points @ to_bone[:3, :3].T + to_bone[:3, 3]) / np.array(knee.anatomy.size)
    width, depth = knee.anatomy.tibia.width, knee.anatomy.tibia.depth
    x, y = np.abs(own[..., 0]), own[..., 1] - 4.0
    # Distance from the compartment's middle, 1 at its rim.
    out = np.hypot((x - 0.53 * width) / (0.47 * width), y / (0.92 * depth))
    ring = np.maximum(out - 1.08, 0.62 - out) * 16.0
    space = np.where(own[..., 0] > 0.0, *knee.disease.joint_space)
    wedge = np.maximum(0.5 * (femur + tibia - space) - 2.6, np.maximum(femur, tibia) - space - 4.5)
    horns = 6.5 - x
    return np.asarray(np.maximum(np.maximum(ring, wedge), horns), dtype=np.float32)


def _distance(knee: Knee, part: Part, points: Points) -> F32:
    """Distance to a bone at points of the leg's frame, mm."""
    bone: BoneStructure = knee.structures[part]
    to_bone = np.linalg.inv(knee.poses[part]) @ knee.placement
    at = (points @ to_bone[:3, :3].T + to_bone[:3, 3] - bone.origin) / bone.step
    coordinates = np.moveaxis(at[..., ::-1], -1, 0)
    inside = map_coordinates(bone.maps[..., Channel.DISTANCE], coordinates, order=1, mode="nearest")
    top = np.array(bone.maps.shape[2::-1]) - 1
    # Past the sides of the map the distance goes on growing; along z the shaft goes on.
    over = (at - np.clip(at, 0, top))[..., :2] * bone.step
    return np.asarray(inside + np.hypot(over[..., 0], over[..., 1]), dtype=np.float32)


def _straightened(points: Points, flexion: float) -> Points:
    """Points of a bent leg carried to the straight one that the shapes are written for."""
    p = points.copy()
    z = points[..., 2] - 24.0
    p[..., 1] -= np.float32(np.tan(np.deg2rad(0.5 * flexion))) * (np.sqrt(z * z + 225.0) - 15.0)
    return p


def _outline(p: Points) -> F32:
    """The limb without the fat under its skin."""
    z = [-190.0, -100.0, -45.0, 0.0, 45.0, 100.0, 200.0]
    sections = [
        (0.0, 14.0, 50.0, 54.0),
        (0.0, 14.0, 53.0, 55.0),
        (0.0, 7.0, 47.0, 48.0),
        (0.0, 2.0, 48.0, 51.0),
        (0.0, 1.0, 50.0, 54.0),
        (0.0, 4.0, 60.0, 62.0),
        (0.0, 6.0, 76.0, 78.0),
    ]
    return loft(p, z, sections, 2.2)


def _muscles(p: Points, fascia: F32, form: LegForm) -> F32:
    """Bellies that thin out towards the joint, with planes of fat between and within them."""
    bellies = [
        ((30.0, -12.0, 42.0), (30.0, -24.0, 200.0), 7.0, 36.0),
        ((-34.0, -12.0, 62.0), (-34.0, -22.0, 200.0), 6.0, 36.0),
        ((0.0, -30.0, 72.0), (0.0, -46.0, 200.0), 4.0, 30.0),
        ((28.0, 38.0, -5.0), (25.0, 44.0, 200.0), 7.0, 34.0),
        ((-34.0, 34.0, 0.0), (-25.0, 44.0, 200.0), 6.0, 30.0),
        ((38.0, 26.0, -25.0), (36.0, 26.0, 90.0), 4.0, 9.0),
        ((19.0, 38.0, 22.0), (20.0, 46.0, -180.0), 8.0, 30.0),
        ((-19.0, 38.0, 20.0), (-20.0, 44.0, -180.0), 8.0, 27.0),
        ((2.0, 27.0, -18.0), (-4.0, 30.0, -190.0), 6.0, 26.0),
        ((-25.0, -8.0, -32.0), (-26.0, -6.0, -190.0), 5.0, 20.0),
        ((-36.0, 10.0, -45.0), (-38.0, 12.0, -190.0), 4.0, 13.0),
    ]
    rng = np.random.default_rng(form.seed)
    nearest = np.full(p.shape[:-1], 1e3, dtype=np.float32)
    second = nearest.copy()
    for start, end, r0, r1 in bellies:
        belly = capsule(p, start, end, r0 * rng.uniform(0.85, 1.15), r1 * rng.uniform(0.9, 1.1))
        second = np.minimum(second, np.maximum(nearest, belly))
        nearest = np.minimum(nearest, belly)
    # Away from the joint muscle fills the fascia, planes of fat apart.
    short = np.minimum(np.maximum(110.0 - p[..., 2], 0.0), np.maximum(p[..., 2] + 95.0, 0.0))
    filled = np.minimum(nearest, fascia + np.float32(0.5) * short)
    planes = np.float32(0.9) - np.float32(0.5) * (second - nearest)
    septa = np.float32(0.7) - np.float32(12.0) * np.abs(
        waves(p * np.array([1.0, 1.0, 0.3], dtype=np.float32), rng, 22.0, 55.0)
    )
    return np.asarray(np.maximum(np.maximum(filled, fascia), np.maximum(planes, septa)), dtype=np.float32)


def _tendons(p: Points) -> F32:
    """Patellar and quadriceps tendon, collateral and cruciate ligaments."""
    flat = p * np.array([0.4, 1.0, 1.0], dtype=np.float32)
    tendons = [
        capsule(flat, (-0.5, -46.0, 16.0), (-1.2, -31.0, -38.0), 3.0),
        capsule(flat, (0.0, -45.0, 52.0), (0.0, -32.0, 95.0), 3.5),
        capsule(p, (39.0, 4.0, 30.0), (33.0, 0.0, -45.0), 2.6),
        capsule(p, (-38.0, 4.0, 28.0), (-40.0, 16.0, -14.0), 2.4),
        capsule(p, (-6.0, 16.0, 20.0), (2.0, -8.0, -2.0), 4.0),
        capsule(p, (6.0, 6.0, 16.0), (0.0, 24.0, -8.0), 4.5),
    ]
    return np.asarray(np.minimum.reduce(tendons), dtype=np.float32)


def _vessels(p: Points) -> F32:
    """Popliteal artery and vein, saphenous vein."""
    artery = np.minimum(
        capsule(p, (-3.0, 33.0, -70.0), (1.0, 34.0, 5.0), 3.2),
        capsule(p, (1.0, 34.0, 5.0), (16.0, 20.0, 160.0), 3.6),
    )
    vein = np.minimum(
        capsule(p, (-8.0, 37.0, -70.0), (-5.0, 40.0, 5.0), 4.0),
        capsule(p, (-5.0, 40.0, 5.0), (12.0, 27.0, 160.0), 4.6),
    )
    saphenous = capsule(p, (45.0, 30.0, -150.0), (46.0, 32.0, 150.0), 2.2)
    return np.asarray(np.minimum(np.minimum(artery, vein), saphenous), dtype=np.float32)
