"""The proximal tibia."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.phantom.proportions import drawn
from trainer.phantom.sdf import (
    F32,
    Points,
    capsule,
    cut,
    ellipsoid,
    loft,
    smoothstep,
    turned,
    union,
    warp,
    waves,
)

Place = tuple[float, float]

TOP = -2.8
"""Height of the plateau's middle, mm."""


@dataclass(frozen=True)
class TibiaForm:
    """Proportions in mm and degrees, for a knee of middle size."""

    width: float  # half width of the plateau
    depth: float  # half its antero-posterior depth
    medial_excess: float  # how much deeper the medial half is, relative
    medial_slope: float  # fall of the plateau to posterior, mm per mm
    lateral_slope: float
    varus: float  # fall of the plateau to medial, mm per mm
    medial_dish: float  # depth of the medial plateau's hollow
    lateral_dish: float  # of the lateral one's; below 0 it is a dome
    eminence: float  # height of the medial spine
    lateral_spine: float  # how much lower the lateral one is
    tuberosity: float  # how far it stands out
    torsion: float  # of tuberosity and shaft against the plateau, outwards
    shaft: float
    neck: float  # z where the metaphysis has become the shaft
    lean: float  # shift of the shaft to medial over 100 mm
    seed: int = 0  # of the relief


def draw_tibia_form(rng: np.random.Generator) -> TibiaForm:
    """Proportions of one person."""
    slope = drawn(rng, 0.11, 0.045)
    return TibiaForm(
        width=drawn(rng, 37.0, 1.7),
        depth=drawn(rng, 24.0, 1.5),
        medial_excess=drawn(rng, 0.05, 0.04),
        medial_slope=slope + drawn(rng, 0.0, 0.025),
        lateral_slope=slope + drawn(rng, 0.0, 0.025),
        varus=drawn(rng, 0.03, 0.035),
        medial_dish=drawn(rng, 2.0, 0.6),
        lateral_dish=drawn(rng, 0.2, 0.7),
        eminence=drawn(rng, 7.5, 1.3),
        lateral_spine=drawn(rng, 1.5, 1.0),
        tuberosity=drawn(rng, 6.0, 1.6),
        torsion=drawn(rng, 4.0, 5.0),
        shaft=drawn(rng, 13.5, 1.4),
        neck=drawn(rng, -88.0, 7.0),
        lean=drawn(rng, 0.0, 3.0),
    )


def tibia_shape(points: Points, form: TibiaForm, roughness: float = 1.0) -> F32:
    """Signed distance of the tibia; axes as in femur.py, the plateau near z = TOP."""
    rng = np.random.default_rng(form.seed)
    p = warp(points, rng, 0.8 * roughness, 35.0, 80.0)
    below = smoothstep(p[..., 2], -12.0, -70.0)
    lower = turned(p, np.float32(-np.deg2rad(form.torsion)) * below, 0.0, 4.0)
    shape = -union(-_column(lower, form), -(p[..., 2] - plateau(p, form)), 5.0)
    shape = union(shape, _eminence(p, form), 5.0)
    shape = union(shape, _tuberosity(lower, form), 9.0)
    return np.asarray(
        shape + np.float32(0.2 * roughness) * waves(points, rng, 10.0, 32.0, 16), dtype=np.float32
    )


def _column(p: Points, f: TibiaForm) -> F32:
    """Metaphysis and shaft; the medial flare reaches further down than the lateral one, which overhangs."""
    lean = f.lean / 100.0
    z = [-170.0, -120.0, f.neck, -66.0, -50.0, -34.0, -20.0, -9.0, 2.0]
    sections = [
        (2.0 + 1.7 * f.lean, 1.0, f.shaft - 2.0, f.shaft),
        (2.0 + 1.2 * f.lean, 1.0, f.shaft - 0.5, f.shaft + 1.5),
        (2.2 - lean * f.neck, 1.0, f.shaft + 2.5, f.shaft + 4.0),
        (2.5 + 0.6 * f.lean, 1.5, 20.5, 20.0),
        (1.8 + 0.4 * f.lean, 2.2, 24.5, 21.5),
        (0.8 + 0.2 * f.lean, 3.2, f.width - 7.0, f.depth - 1.2),
        (0.0, 4.0, f.width - 2.0, f.depth),
        (0.0, 4.5, f.width, f.depth),
        (0.0, 4.5, f.width - 0.5, f.depth - 0.5),
    ]
    deeper = np.float32(1.0) + np.float32(f.medial_excess) * np.clip(p[..., 0] / f.width, -1.0, 1.0)
    q = p.copy()
    q[..., 1] = 4.0 + (p[..., 1] - 4.0) / deeper
    column = loft(q, z, sections, 2.5)
    crest = capsule(
        p,
        (-1.0 + 0.7 * f.lean, -13.0 - f.shaft * 0.3, -70.0),
        (1.7 * f.lean, -9.0 - f.shaft * 0.35, -170.0),
        3.0,
    )
    hollow = ellipsoid(p, (0.0, 34.0, -4.0), (9.0, 11.0, 22.0))
    return cut(union(column, crest, 14.0), hollow, 7.0)


def plateau(p: Points, f: TibiaForm) -> F32:
    """Height of the articular surface over (x, y), mm."""
    x, y = p[..., 0], p[..., 1]
    medial = smoothstep(x, -12.0, 12.0)
    slope = np.float32(f.medial_slope) * medial + np.float32(f.lateral_slope) * (1.0 - medial)
    height = np.float32(TOP) - slope * (y - 4.0) - np.float32(f.varus) * x
    for centre, dish in ((20.0, f.medial_dish), (-20.0, f.lateral_dish)):
        bowl = np.exp(-(((x - centre) / 13.0) ** 2) - ((y - 5.0) / 17.0) ** 2)
        height = height - np.float32(dish) * bowl
    return np.asarray(height, dtype=np.float32)


def _eminence(p: Points, f: TibiaForm) -> F32:
    """Two ridges that run from front to back on a common mound, a saddle between them."""
    low = TOP + f.eminence - f.lateral_spine
    mound = ellipsoid(p, (0.0, 4.0, TOP - 5.0), (10.0, 17.0, 5.0 + 0.4 * f.eminence))
    medial = _ridge(p, (5.5, -7.0), (4.5, 0.0), (4.0, 7.0), (4.0, 15.0), TOP + f.eminence)
    lateral = _ridge(p, (-6.0, -5.0), (-5.0, 3.0), (-5.0, 9.0), (-5.5, 15.0), low)
    return union(mound, union(medial, lateral, 3.0), 4.0)


def _ridge(p: Points, front: Place, rise: Place, fall: Place, back: Place, height: float) -> F32:
    """A ridge from foot to foot, its blunt crest at `height` between `rise` and `fall`."""
    blunt = 2.8
    first, last = (*rise, height - blunt), (*fall, height - blunt - 0.5)
    crest = capsule(p, first, last, blunt)
    slopes = np.minimum(
        capsule(p, (*front, TOP - 4.5), first, 4.5, blunt), capsule(p, last, (*back, TOP - 5.0), blunt, 4.5)
    )
    return union(crest, slopes, 3.0)


def _tuberosity(p: Points, f: TibiaForm) -> F32:
    bump = ellipsoid(p, (-3.0, -12.0 - f.tuberosity, -41.0), (9.5, 9.0, 15.0))
    gerdy = ellipsoid(p, (-24.0, -13.0, -17.0), (8.0, 6.0, 7.0))
    return union(bump, gerdy, 4.0)
