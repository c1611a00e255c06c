"""The distal femur: condyles, notch, trochlea, epicondyles, metaphysis, shaft."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.phantom.sdf import F32, Points, capsule, cut, ellipsoid, loft, union, warp, waves


@dataclass(frozen=True)
class FemurForm:
    """Proportions in mm, for a knee of middle size; see `draw_femur_form`."""

    condyle_spread: float  # half the distance of the condyles' centres
    condyle_width: float  # half width of a condyle
    condyle_depth: float  # half the antero-posterior length
    posterior_radius: float
    lateral_drop: float  # how much less the lateral condyle reaches down
    notch_width: float
    notch_height: float
    groove: float  # depth of the trochlea
    trochlea_lateral: float  # how much further forward its lateral facet stands
    shaft: float  # radius
    flare: float  # how high the metaphysis reaches
    bow: float  # the shaft's shift forwards over its length
    seed: int = 0  # of the relief


def draw_femur_form(rng: np.random.Generator) -> FemurForm:
    """Proportions of one person."""
    return FemurForm(
        condyle_spread=rng.normal(22.5, 1.2),
        condyle_width=rng.normal(13.5, 0.9),
        condyle_depth=rng.normal(27.0, 1.4),
        posterior_radius=rng.normal(20.5, 1.0),
        lateral_drop=rng.normal(1.0, 0.7),
        notch_width=rng.normal(9.5, 1.0),
        notch_height=rng.normal(19.0, 1.5),
        groove=rng.normal(5.0, 1.1),
        trochlea_lateral=rng.normal(3.0, 1.2),
        shaft=rng.normal(14.5, 1.1),
        flare=rng.normal(78.0, 6.0),
        bow=rng.normal(5.0, 2.0),
    )


def femur_shape(points: Points, form: FemurForm, roughness: float = 1.0) -> F32:
    """Signed distance of a right femur; x to medial, y posterior, z superior, 0 at the joint line."""
    rng = np.random.default_rng(form.seed)
    p = warp(points, rng, 0.8 * roughness, 35.0, 110.0)
    body = _column(p, form)
    medial = _condyle(p, form, +1.0, 0.0)
    lateral = _condyle(p, form, -1.0, form.lateral_drop)
    shape = union(union(medial, lateral, 5.0), body, 9.0)
    shape = union(shape, _trochlea(p, form), 7.0)
    shape = union(shape, _epicondyles(p, form), 8.0)
    shape = _carve(p, shape, form)
    return np.asarray(shape + np.float32(0.25 * roughness) * waves(points, rng, 10.0, 30.0), dtype=np.float32)


def _column(p: Points, f: FemurForm) -> F32:
    """Metaphysis and shaft: wide and flat at the condyles, round above."""
    w = f.condyle_spread + f.condyle_width
    z = [16.0, 30.0, 42.0, 55.0, f.flare, f.flare + 35.0, 170.0]
    sections = [
        (0.0, 1.0, w - 9.0, 19.0),
        (0.0, 0.0, w - 3.0, 20.0),
        (0.0, -1.5, w - 9.0, 18.5),
        (0.5, -2.0, 22.0, 16.5),
        (1.0, -2.5, f.shaft + 2.5, f.shaft + 1.0),
        (1.0, -3.5, f.shaft, f.shaft),
        (0.0, -3.5 - f.bow, f.shaft, f.shaft + 0.5),
    ]
    column = loft(p, z, sections, 2.4)
    floor = np.float32(12.0) - p[..., 2]
    popliteal = ellipsoid(p, (0.0, 34.0, 62.0), (22.0, 19.0, 30.0))
    return cut(-union(-column, -floor, 8.0), popliteal, 8.0)


def _condyle(p: Points, f: FemurForm, side: float, drop: float) -> F32:
    """A condyle as the union of its distal and its posterior curve."""
    x = side * f.condyle_spread
    r = f.posterior_radius
    low = drop + 1.8
    distal = ellipsoid(p, (x * 0.98, -2.0, 26.0 + low), (f.condyle_width, f.condyle_depth, 26.0))
    posterior = ellipsoid(p, (x * 1.04, 15.0, 21.0 + low), (f.condyle_width - 1.0, r, r - 0.5))
    return union(distal, posterior, 8.0)


def _trochlea(p: Points, f: FemurForm) -> F32:
    """The two facets in front, the lateral one higher and further forward."""
    medial = ellipsoid(p, (14.0, -13.0, 27.0), (14.0, 16.0, 17.0))
    lateral = ellipsoid(p, (-15.0, -13.0 - f.trochlea_lateral, 29.0), (14.0, 16.0, 20.0))
    return union(medial, lateral, 10.0)


def _epicondyles(p: Points, f: FemurForm) -> F32:
    x = f.condyle_spread + f.condyle_width - 4.0
    medial = ellipsoid(p, (x, 3.0, 32.0), (7.5, 11.0, 11.0))
    lateral = ellipsoid(p, (-x, 3.0, 29.0), (7.0, 10.0, 10.0))
    adductor = ellipsoid(p, (x - 2.0, 4.0, 43.0), (5.0, 6.0, 8.0))
    return union(union(medial, lateral, 2.0), adductor, 4.0)


def _carve(p: Points, shape: F32, f: FemurForm) -> F32:
    """Cut the intercondylar notch and the groove of the trochlea."""
    notch = ellipsoid(p, (0.0, 24.0, 8.0), (f.notch_width, 30.0, f.notch_height))
    groove = capsule(p, (1.0, -33.0 - 12.0 + f.groove, 42.0), (0.5, -29.0 - 12.0 + f.groove, 8.0), 13.0)
    return cut(cut(shape, notch, 5.0), groove, 7.0)
