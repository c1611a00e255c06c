"""The trabecular law of one person's bones as smooth maps in bone coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctsma_node.analysis.result import CartilageRegion
from trainer.phantom.disease import Disease
from trainer.phantom.sdf import F32, Points, smoothstep, waves
from trainer.phantom.structure import Part


@dataclass(frozen=True)
class Tissue:
    """What differs between people beyond disease; see SCIENCE of the project for the ranges aimed at."""

    bvtv: float  # level in the epiphysis
    wavelength: float  # mm
    rodness: float
    cortex: float  # scale of cortical thickness
    bone_hu: float  # of the mineralised tissue
    marrow_hu: float
    medial_excess: float  # BV/TV, medial over lateral
    scar: float  # density of the growth plate's scar
    seed: int


def draw_tissue(rng: np.random.Generator, own: np.random.Generator) -> Tissue:
    """Between-subject variation, mineral density included (+-8 %); the maps are the side's own."""
    return Tissue(
        bvtv=float(np.clip(rng.normal(0.250, 0.034), 0.13, 0.38)),
        wavelength=float(np.clip(rng.normal(1.22, 0.115), 0.92, 1.65)),
        rodness=float(np.clip(rng.normal(0.75, 0.12), 0.25, 1.0)),
        cortex=float(np.clip(rng.normal(1.0, 0.12), 0.7, 1.4)),
        bone_hu=float(1650.0 * np.clip(rng.normal(1.0, 0.05), 0.88, 1.12)),
        marrow_hu=float(np.clip(rng.normal(-45.0, 20.0), -95.0, 10.0)),
        medial_excess=float(rng.normal(0.025, 0.012)),
        scar=float(np.clip(rng.normal(0.10, 0.05), 0.0, 0.25)),
        seed=int(own.integers(2**31)),
    )


def articular(part: Part, p: Points) -> F32:
    """How far a point lies under an articular surface, 0..1."""
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    if part is Part.FEMUR:
        below = smoothstep(z, 36.0, 24.0)
        front = smoothstep(y, -16.0, -22.0) * smoothstep(z, 46.0, 40.0)
        notch = smoothstep(np.abs(x), 7.0, 11.0)
        edge = smoothstep(np.abs(x), 36.0, 31.0)
        return np.asarray(np.maximum(below * notch, front) * edge, dtype=np.float32)
    if part is Part.TIBIA:
        return (
            smoothstep(z, -13.0, -8.0) * smoothstep(np.abs(x), 5.0, 9.0) * smoothstep(np.abs(x), 37.0, 32.0)
        )
    if part is Part.PATELLA:
        return smoothstep(y, -42.0, -36.0)
    return np.zeros_like(x)


def metaphysis(part: Part, p: Points) -> F32:
    """1 in the epiphysis, falling to 0 where the shaft is hollow."""
    z = p[..., 2]
    if part is Part.FEMUR:
        return smoothstep(z, 105.0, 42.0)
    if part is Part.TIBIA:
        return smoothstep(z, -100.0, -34.0)
    if part is Part.FIBULA:
        return smoothstep(z, -58.0, -30.0)
    return np.ones_like(z)


LEVEL = {Part.FEMUR: -0.04, Part.TIBIA: 0.04}
"""BV/TV of a bone above the person's: the tibia is denser than the femur (Patel et al. 2003, J Orthop Res 21:
6-13)."""


def cortex_map(part: Part, p: Points, t: Tissue, d: Disease) -> F32:
    """Thickness of the cortex, mm: a thin plate under cartilage, growing along the shaft."""
    rng = np.random.default_rng((t.seed, 1, list(Part).index(part)))
    joint = articular(part, p)
    shaft = 1.0 - metaphysis(part, p)
    medial = smoothstep(p[..., 0], -6.0, 6.0)
    sclerosis = d.sclerosis[0] * medial + d.sclerosis[1] * (1.0 - medial)
    thick = 0.6 + (3.75 if part is Part.FEMUR else 2.95 if part is Part.TIBIA else 1.55) * shaft
    plate = 0.40 + 2.0 * sclerosis
    thickness = t.cortex * (thick * (1.0 - joint) + plate * joint)
    return np.asarray(thickness * (1.0 + 0.15 * waves(p, rng, 15.0, 50.0)), dtype=np.float32).clip(0.25, 6.0)


def cartilage_map(part: Part, p: Points, d: Disease) -> F32:
    """Thickness of the cartilage, mm, thinned by its score; 0 off the articular surface."""
    full = {Part.FEMUR: 2.2, Part.TIBIA: 1.8, Part.PATELLA: 2.4, Part.FIBULA: 0.0}[part]
    medial = smoothstep(p[..., 0], -4.0, 4.0)
    if part is Part.FEMUR:
        pair = (CartilageRegion.MEDIAL_FEMUR, CartilageRegion.LATERAL_FEMUR)
    else:
        pair = (CartilageRegion.MEDIAL_TIBIA, CartilageRegion.LATERAL_TIBIA)
    wear = (d.cartilage[pair[0]] * medial + d.cartilage[pair[1]] * (1.0 - medial)) / 6.0
    if part is Part.FEMUR or part is Part.PATELLA:
        front = smoothstep(p[..., 1], -14.0, -20.0)
        wear = wear * (1.0 - front) + front * (d.cartilage[CartilageRegion.TROCHLEA] / 6.0)
    return np.asarray(full * (1.0 - 0.85 * wear) * articular(part, p), dtype=np.float32)


def bvtv_map(part: Part, p: Points, depth: F32, t: Tissue, d: Disease) -> F32:
    """Local BV/TV: level, depth under the joint, side, shaft, scar, smooth variation, disease."""
    rng = np.random.default_rng((t.seed, 2, list(Part).index(part)))
    joint = articular(part, p)
    x, z = p[..., 0], p[..., 2]
    medial = smoothstep(x, -10.0, 10.0)
    near = np.exp(-depth / np.float32(4.5))
    sclerosis = d.sclerosis[0] * medial + d.sclerosis[1] * (1.0 - medial)
    level = t.bvtv * np.exp(0.14 * waves(p, rng, 24.0, 60.0, 16) + 0.11 * waves(p, rng, 10.0, 24.0, 24))
    level = level + LEVEL.get(part, 0.0) + t.medial_excess * (2.0 * medial - 1.0)
    # Far from the joint less load is carried.
    level = level * (1.0 - 0.18 * smoothstep(depth, 2.0, 11.0))
    # Bone is lost below the sclerosis, some 6 to 25 mm deep: the sign of the change turns with depth.
    below = smoothstep(depth, 4.0, 9.0) * smoothstep(depth, 40.0, 18.0)
    worn = 0.6 + 0.4 * smoothstep(sclerosis.astype(np.float32), 0.0, 0.1)
    level = level * (1.0 - d.rarefaction * below * worn)
    level = level + joint * near * (0.09 + sclerosis) + sclerosis * smoothstep(depth, 9.0, 3.0) * joint
    level = level * (0.72 + 0.28 * smoothstep(np.abs(x), 2.0, 16.0))
    scar = {Part.FEMUR: 33.0, Part.TIBIA: -18.0, Part.FIBULA: -24.0}.get(part)
    if scar is not None:
        sheet = z - np.float32(scar) - 2.0 * waves(p, rng, 25.0, 60.0)
        level = level + t.scar * np.exp(-((sheet / 0.9) ** 2))
    hollow = metaphysis(part, p) * smoothstep(depth, -4.0, 2.0) + 0.0
    return np.asarray(np.clip(level * hollow, 0.0, 0.68), dtype=np.float32)


def wavelength_map(part: Part, p: Points, bvtv: F32, t: Tissue, d: Disease) -> F32:
    """Logarithm of the wavelength (mm): denser bone is a little finer, disease coarser."""
    rng = np.random.default_rng((t.seed, 3, list(Part).index(part)))
    log = np.log(t.wavelength) + d.coarsening + 0.075 * waves(p, rng, 14.0, 50.0, 20)
    log = log - 0.35 * (np.clip(bvtv, 0.05, 0.45) - 0.22)
    return np.asarray(np.clip(log, np.log(0.7), np.log(2.0)), dtype=np.float32)


def rodness_map(part: Part, p: Points, bvtv: F32, t: Tissue) -> F32:
    """Plates (0) to rods (1): denser bone is more plate-like."""
    rng = np.random.default_rng((t.seed, 4, list(Part).index(part)))
    rod = t.rodness + 0.10 * waves(p, rng, 14.0, 40.0, 16) - 0.9 * (np.clip(bvtv, 0.05, 0.45) - 0.22)
    return np.asarray(np.clip(rod, 0.05, 1.0), dtype=np.float32)
