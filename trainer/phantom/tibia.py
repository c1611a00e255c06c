"""The proximal tibia and the fibula beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.phantom.sdf import F32, Points, capsule, cut, ellipsoid, loft, union, warp, waves


@dataclass(frozen=True)
class TibiaForm:
    """Proportions in mm, for a knee of middle size."""

    width: float  # half width of the plateau
    depth: float  # half its antero-posterior depth
    slope: float  # fall of the plateau to posterior, mm per mm
    medial_dish: float  # depth of the medial plateau's hollow
    lateral_dish: float
    eminence: float  # height of the spines
    tuberosity: float  # how far it stands out
    shaft: float
    neck: float  # z where the metaphysis has become the shaft
    fibula_drop: float  # z of the fibula's tip, below the joint line
    fibula_back: float  # y of its head
    fibula_radius: float
    seed: int = 0  # of the relief


def draw_tibia_form(rng: np.random.Generator) -> TibiaForm:
    """Proportions of one person."""
    return TibiaForm(
        width=rng.normal(37.0, 1.2),
        depth=rng.normal(24.0, 1.1),
        slope=rng.normal(0.11, 0.035),
        medial_dish=rng.normal(2.0, 0.5),
        lateral_dish=rng.normal(0.3, 0.5),
        eminence=rng.normal(8.0, 1.2),
        tuberosity=rng.normal(6.0, 1.2),
        shaft=rng.normal(13.5, 1.0),
        neck=rng.normal(-78.0, 6.0),
        fibula_drop=rng.normal(-11.0, 2.0),
        fibula_back=rng.normal(17.0, 2.0),
        fibula_radius=rng.normal(6.3, 0.6),
    )


def tibia_shape(points: Points, form: TibiaForm, roughness: float = 1.0) -> F32:
    """Signed distance of the tibia; axes as in femur.py, the plateau near z = -3."""
    rng = np.random.default_rng(form.seed)
    p = warp(points, rng, 0.8 * roughness, 35.0, 110.0)
    column = _column(p, form)
    shape = -union(-column, -(p[..., 2] - _plateau(p, form)), 5.0)
    shape = union(shape, _eminence(p, form), 5.0)
    shape = union(shape, _tuberosity(p, form), 9.0)
    return np.asarray(shape + np.float32(0.25 * roughness) * waves(points, rng, 10.0, 30.0), dtype=np.float32)


def _column(p: Points, f: TibiaForm) -> F32:
    z = [-170.0, -120.0, f.neck, -50.0, -34.0, -20.0, -9.0, 2.0]
    sections = [
        (2.0, 1.0, f.shaft - 2.0, f.shaft),
        (1.5, 1.0, f.shaft - 0.5, f.shaft + 1.5),
        (1.0, 1.0, f.shaft + 2.5, f.shaft + 4.0),
        (0.5, 2.0, 21.0, 20.5),
        (0.0, 3.0, f.width - 8.5, f.depth - 1.5),
        (0.0, 4.0, f.width - 2.0, f.depth),
        (0.0, 4.5, f.width, f.depth),
        (0.0, 4.5, f.width - 0.5, f.depth - 0.5),
    ]
    column = loft(p, z, sections, 2.5)
    crest = capsule(p, (-1.0, -13.0 - f.shaft * 0.3, -70.0), (0.0, -9.0 - f.shaft * 0.35, -170.0), 3.0)
    hollow = ellipsoid(p, (0.0, 34.0, -4.0), (9.0, 11.0, 22.0))
    return cut(union(column, crest, 14.0), hollow, 7.0)


def _plateau(p: Points, f: TibiaForm) -> F32:
    """Height of the articular surface over (x, y)."""
    x, y = p[..., 0], p[..., 1]
    height = np.float32(-2.8) - np.float32(f.slope) * (y - 4.0)
    for centre, dish in ((20.0, f.medial_dish), (-20.0, f.lateral_dish)):
        bowl = np.exp(-(((x - centre) / 13.0) ** 2) - ((y - 5.0) / 17.0) ** 2)
        height = height - np.float32(dish) * bowl
    return np.asarray(height, dtype=np.float32)


def _eminence(p: Points, f: TibiaForm) -> F32:
    medial = capsule(p, (5.5, 6.0, -8.0), (4.5, 5.0, -5.0 + f.eminence), 5.0, 1.6)
    lateral = capsule(p, (-6.0, 7.0, -8.0), (-5.0, 7.0, -6.0 + f.eminence), 5.0, 1.6)
    return union(medial, lateral, 3.0)


def _tuberosity(p: Points, f: TibiaForm) -> F32:
    bump = ellipsoid(p, (-3.0, -12.0 - f.tuberosity, -41.0), (9.5, 9.0, 15.0))
    gerdy = ellipsoid(p, (-24.0, -13.0, -17.0), (8.0, 6.0, 7.0))
    return union(bump, gerdy, 4.0)


def fibula_shape(points: Points, form: TibiaForm, tibia: F32, roughness: float = 1.0) -> F32:
    """Signed distance of the fibula: posterolateral (smaller x), its head below the plateau."""
    rng = np.random.default_rng(form.seed + 1)
    p = warp(points, rng, 0.6 * roughness, 30.0, 90.0)
    x, y, top = -form.width - 1.0, form.fibula_back, form.fibula_drop
    head = ellipsoid(p, (x + 0.5, y, top - 12.0), (9.5, 10.0, 12.5))
    tip = ellipsoid(p, (x - 2.0, y + 3.0, top - 5.0), (4.5, 5.0, 6.5))
    neck = capsule(p, (x + 0.5, y, top - 18.0), (x + 4.0, y + 1.0, top - 45.0), 7.5, form.fibula_radius)
    shaft = capsule(p, (x + 4.0, y + 1.0, top - 45.0), (x + 7.0, y + 3.0, -260.0), form.fibula_radius)
    shape = union(union(union(head, tip, 5.0), neck, 6.0), shaft, 6.0)
    shape = cut(shape, tibia - np.float32(1.6), 2.0)
    return np.asarray(shape + np.float32(0.2 * roughness) * waves(points, rng, 8.0, 25.0), dtype=np.float32)
