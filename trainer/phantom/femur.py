"""The distal femur: condyles, notch, trochlea, epicondyles, metaphysis, shaft."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.phantom.proportions import drawn
from trainer.phantom.sdf import F32, Points, capsule, cut, ellipsoid, loft, turned, union, warp, waves


@dataclass(frozen=True)
class CondyleForm:
    """One condyle, mm and degrees."""

    width: float  # half
    depth: float  # half the antero-posterior length
    distal_radius: float
    posterior_radius: float
    drop: float  # how much less it reaches down
    turn: float  # of its long axis, outwards to posterior


@dataclass(frozen=True)
class FemurForm:
    """Proportions in mm and degrees, for a knee of middle size; see `draw_femur_form`."""

    medial: CondyleForm
    lateral: CondyleForm
    spread: float  # half the distance of the condyles' centres
    notch_width: float
    notch_height: float
    groove: float  # depth of the trochlea
    groove_side: float  # x of its bottom
    trochlea_rise: float  # how high the facets reach
    trochlea_lateral: float  # how much further forward the lateral facet stands
    epicondyles: float  # how far they stand out
    shaft: float  # radius
    oval: float  # the shaft's width over its depth
    flare: float  # how high the metaphysis reaches
    broad: float  # half width added to the metaphysis
    valgus: float  # lean of the shaft to lateral
    bow: float  # the shaft's shift forwards over its length
    seed: int = 0  # of the relief


def draw_femur_form(rng: np.random.Generator) -> FemurForm:
    """Proportions of one person."""
    depth, distal, posterior = drawn(rng, 27.0, 1.8), drawn(rng, 26.0, 2.4), drawn(rng, 20.5, 1.5)
    return FemurForm(
        medial=_draw_condyle(rng, depth, distal, posterior, drop=0.0, turn=5.0),
        lateral=_draw_condyle(rng, depth, distal, posterior, drop=drawn(rng, 1.0, 1.1), turn=1.0),
        spread=drawn(rng, 22.5, 1.6),
        notch_width=drawn(rng, 9.5, 1.4),
        notch_height=drawn(rng, 19.0, 2.2),
        groove=drawn(rng, 5.0, 1.7),
        groove_side=drawn(rng, 0.0, 1.5),
        trochlea_rise=drawn(rng, 0.0, 2.5),
        trochlea_lateral=drawn(rng, 3.0, 1.7),
        epicondyles=drawn(rng, 0.0, 1.4),
        shaft=drawn(rng, 14.5, 1.6),
        oval=drawn(rng, 1.0, 0.05),
        flare=drawn(rng, 78.0, 9.0),
        broad=drawn(rng, 0.0, 1.6),
        valgus=drawn(rng, 4.0, 2.2),
        bow=drawn(rng, 5.0, 3.0),
    )


def _draw_condyle(
    rng: np.random.Generator, depth: float, distal: float, posterior: float, drop: float, turn: float
) -> CondyleForm:
    """A condyle differs from its neighbour by less than people differ."""
    return CondyleForm(
        width=drawn(rng, 13.5, 1.2),
        depth=depth * drawn(rng, 1.0, 0.03),
        distal_radius=distal * drawn(rng, 1.0, 0.06),
        posterior_radius=posterior * drawn(rng, 1.0, 0.04),
        drop=drop,
        turn=drawn(rng, turn, 4.0),
    )


def femur_shape(points: Points, form: FemurForm, roughness: float = 1.0) -> F32:
    """Signed distance of a right femur; x to medial, y posterior, z superior, 0 at the joint line."""
    rng = np.random.default_rng(form.seed)
    p = warp(points, rng, 0.8 * roughness, 35.0, 80.0)
    medial = _condyle(p, form.medial, form.spread)
    lateral = _condyle(p, form.lateral, -form.spread)
    shape = union(union(medial, lateral, 5.0), _column(p, form), 9.0)
    shape = union(shape, _trochlea(p, form), 7.0)
    shape = union(shape, _epicondyles(p, form), 8.0)
    shape = _carve(p, shape, form)
    return np.asarray(
        shape + np.float32(0.2 * roughness) * waves(points, rng, 10.0, 32.0, 16), dtype=np.float32
    )


def _column(p: Points, f: FemurForm) -> F32:
    """Metaphysis and shaft: wide and flat at the condyles, round above, leaning to lateral."""
    w = f.spread + 0.5 * (f.medial.width + f.lateral.width) + f.broad
    wide, deep = f.shaft * f.oval, f.shaft / f.oval
    lean = -float(np.tan(np.deg2rad(f.valgus)))
    z = [16.0, 30.0, 42.0, 55.0, f.flare, f.flare + 35.0, 170.0]
    sections = [
        (0.0, 1.0, w - 9.0, 19.0),
        (0.0, 0.0, w - 3.0, 20.0),
        (0.0, -1.5, w - 9.0, 18.5),
        (0.5 + 13.0 * lean, -2.0, 22.0 + f.broad, 16.5),
        (1.0 + (f.flare - 42.0) * lean, -2.5, wide + 2.5, deep + 1.0),
        (1.0 + (f.flare - 7.0) * lean, -3.5, wide, deep),
        (1.0 + 128.0 * lean, -3.5 - f.bow, wide, deep + 0.5),
    ]
    column = loft(p, z, sections, 2.4)
    floor = np.float32(12.0) - p[..., 2]
    popliteal = ellipsoid(p, (0.0, 34.0, 62.0), (22.0, 19.0, 30.0))
    return cut(-union(-column, -floor, 8.0), popliteal, 8.0)


def _condyle(p: Points, c: CondyleForm, x: float) -> F32:
    """A condyle about `x` as the union of its distal and its posterior curve."""
    side, low = np.sign(x), c.drop + 1.8
    q = turned(p, np.float32(-side * np.deg2rad(c.turn)), x, -2.0)
    distal = ellipsoid(q, (x * 0.98, -2.0, c.distal_radius + low), (c.width, c.depth, c.distal_radius))
    r = c.posterior_radius
    posterior = ellipsoid(q, (x * 1.02, 0.5 * c.depth + 1.5, r + 0.5 + low), (c.width - 1.0, r, r - 0.5))
    return union(distal, posterior, 8.0)


def _trochlea(p: Points, f: FemurForm) -> F32:
    """The two facets in front, the lateral one higher and further forward."""
    x, rise = f.groove_side, f.trochlea_rise
    medial = ellipsoid(p, (x + 14.0, -13.0, 27.0 + 0.5 * rise), (14.0, 16.0, 17.0 + 0.5 * rise))
    front = -13.0 - f.trochlea_lateral
    lateral = ellipsoid(p, (x - 15.0, front, 29.0 + 0.5 * rise), (14.0, 16.0, 20.0 + 0.5 * rise))
    return union(medial, lateral, 10.0)


def _epicondyles(p: Points, f: FemurForm) -> F32:
    inner = f.spread + f.medial.width - 4.0 + f.epicondyles
    outer = f.spread + f.lateral.width - 4.0 + f.epicondyles
    medial = ellipsoid(p, (inner, 3.0, 32.0), (7.5, 11.0, 11.0))
    lateral = ellipsoid(p, (-outer, 3.0, 29.0), (7.0, 10.0, 10.0))
    adductor = ellipsoid(p, (inner - 2.0, 4.0, 43.0), (5.0, 6.0, 8.0))
    return union(union(medial, lateral, 2.0), adductor, 4.0)


def _carve(p: Points, shape: F32, f: FemurForm) -> F32:
    """Cut the intercondylar notch and the groove of the trochlea."""
    notch = ellipsoid(p, (0.0, 24.0, 8.0), (f.notch_width, 30.0, f.notch_height))
    x, y = f.groove_side, -45.0 + f.groove
    groove = capsule(p, (x + 1.0, y, 42.0 + f.trochlea_rise), (0.5, y + 4.0, 8.0), 13.0)
    return cut(cut(shape, notch, 5.0), groove, 7.0)
