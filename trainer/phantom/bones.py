"""From a person's forms, tissue and disease to the four sampled bone structures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from trainer.phantom.deformation import Deformation, undeformed
from trainer.phantom.disease import Disease
from trainer.phantom.femur import FemurForm, femur_shape
from trainer.phantom.fibula import FibulaForm, fibula_shape
from trainer.phantom.patella import PatellaForm, patella_shape
from trainer.phantom.sdf import F32, Points, redistance, smoothstep, waves
from trainer.phantom.structure import BoneStructure, Channel, Part
from trainer.phantom.texture import fabric
from trainer.phantom.tibia import TOP, TibiaForm, plateau, tibia_shape
from trainer.phantom.tissue import (
    Tissue,
    articular,
    bvtv_map,
    cartilage_map,
    cortex_map,
    rodness_map,
    wavelength_map,
)

STEP = 1.5
"""Distance between the samples of a structure's maps, mm."""

BOXES: dict[Part, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    Part.FEMUR: ((-58.0, 58.0), (-55.0, 52.0), (-9.0, 165.0)),
    Part.TIBIA: ((-56.0, 56.0), (-46.0, 47.0), (-165.0, 14.0)),
    Part.PATELLA: ((-38.0, 38.0), (-68.0, -16.0), (-14.0, 78.0)),
    Part.FIBULA: ((-66.0, -14.0), (-6.0, 48.0), (-165.0, 6.0)),
}
"""Extent (x, y, z) of each bone's maps for a knee of middle size, mm."""
SHAFT_END: dict[Part, int] = {Part.FEMUR: 1, Part.TIBIA: 0, Part.FIBULA: 0}
"""Which face of the map along z (0 low, 1 high) the shaft goes through."""
CLEARANCE = 2.5
"""Least distance of a bone from every other face of its map, mm: past a face the nearest sample holds."""


@dataclass(frozen=True)
class Anatomy:
    """One person's bones: proportions, and overall size along x, y, z."""

    femur: FemurForm
    tibia: TibiaForm
    patella: PatellaForm
    fibula: FibulaForm
    deformation: Deformation
    size: tuple[float, float, float]
    roughness: float
    seed: int


def build_structures(anatomy: Anatomy, tissue: Tissue, disease: Disease) -> dict[Part, BoneStructure]:
    """Sample the four bones; about a second."""
    return {part: _build(part, anatomy, tissue, disease) for part in Part}


def _shape(part: Part, middle: Points, own: Points, a: Anatomy) -> F32:
    """Signed distance for a knee of middle size; `own` are the points `middle` without deformation."""
    if part is Part.FEMUR:
        return femur_shape(own, a.femur, a.roughness)
    if part is Part.TIBIA:
        return tibia_shape(own, a.tibia, a.roughness)
    if part is Part.PATELLA:
        femur = femur_shape(undeformed(middle, a.deformation, Part.FEMUR), a.femur, a.roughness)
        return patella_shape(own, a.patella, a.femur.groove_side, femur, a.roughness)
    tibia = tibia_shape(undeformed(middle, a.deformation, Part.TIBIA), a.tibia, a.roughness)
    return fibula_shape(own, a.fibula, a.tibia.width, tibia, a.roughness)


def _levelled(part: Part, own: Points, a: Anatomy) -> Points:
    """Points carried on to a bone whose plateau is level: the maps of the tissue are written for such bones.

    Cartilage, plate and scar then follow slope, varus and dish.
    """
    if part is not Part.TIBIA:
        return own
    level = own.copy()
    level[..., 2] -= smoothstep(own[..., 2], -60.0, -20.0) * (plateau(own, a.tibia) - np.float32(TOP))
    return level


def _osteophytes(part: Part, p: Points, distance: F32, size: float, rng: np.random.Generator) -> F32:
    """Grow the shape by up to `size` mm in bumps along the rim of the articular surface."""
    if size <= 0.0:
        return distance
    edge = articular(part, p)
    rim = 4.0 * edge * (1.0 - edge)
    bumps = np.clip(0.4 + waves(p, rng, 10.0, 30.0, 16), 0.0, 1.8)
    growth = gaussian_filter(np.float32(0.7 * size) * rim * bumps, 1.2)
    return np.asarray(distance - growth, dtype=np.float32)


def _held(part: Part, middle: Points, shape: F32) -> F32:
    """The shape without what would come nearer to a face of its map than CLEARANCE."""
    out = shape
    for axis, limits in enumerate(BOXES[part]):
        for end, sign in enumerate((-1.0, 1.0)):
            if axis < 2 or SHAFT_END.get(part) != end:
                beyond = np.float32(sign) * (middle[..., axis] - np.float32(limits[end]))
                out = np.maximum(out, beyond + np.float32(CLEARANCE))
    return out


def _cysts(depth: F32, p: Points, joint: F32, count: int, rng: np.random.Generator) -> F32:
    """Distance to the nearest of `count` cysts (mm, negative inside), 3 to 8 mm below the joint."""
    out = np.full(depth.shape, 1e3, dtype=np.float32)
    candidates = np.argwhere((depth > 2.0) & (depth < 7.0) & (joint > 0.9))
    for _ in range(count if len(candidates) else 0):
        centre = p[tuple(candidates[rng.integers(len(candidates))])]
        radius = np.float32(rng.uniform(1.8, 4.5))
        out = np.minimum(out, np.linalg.norm(p - centre, axis=-1) - radius)
    return out


def _build(part: Part, a: Anatomy, t: Tissue, d: Disease) -> BoneStructure:
    rng = np.random.default_rng((a.seed, list(Part).index(part)))
    scale = np.array(a.size)
    axes = [
        np.arange(low * s, high * s + STEP, STEP) for (low, high), s in zip(BOXES[part], a.size, strict=True)
    ]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    points = np.stack([x, y, z], axis=-1).astype(np.float32)
    middle = points / np.float32(scale)
    own = undeformed(middle, a.deformation, part)
    level = _levelled(part, own, a)
    shape = _osteophytes(part, level, _shape(part, middle, own, a), d.osteophytes, rng)
    distance = redistance(_held(part, middle, shape) * np.float32(scale.mean()), STEP)
    maps = np.zeros((*distance.shape, len(Channel)), dtype=np.float32)
    maps[..., Channel.DISTANCE] = distance
    near = distance < 6.0
    maps[near, 1:] = tissue_channels(part, level[near], distance[near], t, d, rng)
    return BoneStructure(
        part=part,
        maps=maps,
        origin=np.array([axis[0] for axis in axes]),
        step=STEP,
        fabric=fabric(Rotation.from_rotvec(rng.normal(0.0, 0.15, 3)).as_matrix()),
        shift=float(rng.uniform(0.0, 1000.0)),
    )


def tissue_channels(
    part: Part, p: Points, distance: F32, t: Tissue, d: Disease, rng: np.random.Generator
) -> F32:
    """Every channel but the distance, at points near or in the bone."""
    cortex = cortex_map(part, p, t, d)
    depth = -distance - cortex
    bvtv = bvtv_map(part, p, np.maximum(depth, 0.0), t, d)
    count = d.cysts if part in (Part.FEMUR, Part.TIBIA) else 0
    cyst = _cysts(depth, p, articular(part, p), count, rng)
    inside = np.clip(0.5 - cyst, 0.0, 1.0)
    rim = np.exp(-(((cyst - 1.0) / 0.8) ** 2))
    bvtv = np.clip(bvtv * (1.0 - inside) + 0.25 * rim * (1.0 - inside), 0.0, 0.68).astype(np.float32)
    return np.stack(
        [
            cortex,
            cartilage_map(part, p, d),
            bvtv,
            wavelength_map(part, p, bvtv, t, d),
            rodness_map(part, p, bvtv, t),
            inside.astype(np.float32),
        ],
        axis=-1,
    )
