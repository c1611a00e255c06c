"""The patella: a thick shield with two facets that ride on the trochlea."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.phantom.proportions import drawn
from trainer.phantom.sdf import F32, Points, cut, ellipsoid, turned, union, warp, waves


@dataclass(frozen=True)
class PatellaForm:
    """Proportions in mm and degrees."""

    width: float  # half
    height: float  # half
    thickness: float  # half
    rise: float  # z of its centre above the joint line
    gap: float  # distance to the femur: two layers of cartilage
    shift: float  # to medial (+) or lateral (-) of the groove
    tilt: float  # its lateral edge to posterior
    ridge: float  # x of the ridge between its facets: their sizes differ from person to person
    apex: float  # half length of the tip
    flatness: float  # of the front: radius of its curve
    seed: int = 0  # of the relief


def draw_patella_form(rng: np.random.Generator) -> PatellaForm:
    """Proportions of one person."""
    width = drawn(rng, 22.0, 1.8)
    return PatellaForm(
        width=width,
        height=width * drawn(rng, 0.94, 0.06),
        thickness=drawn(rng, 10.0, 0.9),
        rise=drawn(rng, 33.0, 4.0),
        gap=drawn(rng, 4.5, 0.6),
        shift=drawn(rng, -0.5, 1.0),
        tilt=drawn(rng, 2.0, 3.5),
        ridge=drawn(rng, 2.0, 1.6),
        apex=drawn(rng, 9.0, 1.8),
        flatness=drawn(rng, 60.0, 11.0),
    )


def patella_shape(
    points: Points, form: PatellaForm, groove: float, femur: F32, roughness: float = 1.0
) -> F32:
    """Signed distance of the patella in the femur's frame at full extension, off the femur by the gap.

    `groove` is the x of the trochlea's bottom.
    """
    rng = np.random.default_rng(form.seed)
    p = warp(points, rng, 0.6 * roughness, 25.0, 80.0)
    x, y, z = groove + form.shift, -40.0, form.rise
    p = turned(p, np.float32(-np.deg2rad(form.tilt)), x, y)
    shield = ellipsoid(p, (x, y, z + 2.0), (form.width, form.thickness, form.height))
    facets = (form.width * 0.75, form.thickness, form.height * 0.75)
    ridge = ellipsoid(p, (x + form.ridge, y + 4.0, z + 3.0), facets)
    apex = ellipsoid(p, (x, y - 2.0, z - form.height + 4.0), (8.0, 5.5, form.apex))
    shape = union(union(shield, ridge, 4.0), apex, 6.0)
    r = form.flatness
    front = ellipsoid(p, (x, y - form.thickness - r + 3.0, z), (r, r, 1.3 * r))
    shape = cut(cut(shape, front, 3.0), femur - np.float32(form.gap), 2.0)
    return np.asarray(shape + np.float32(0.2 * roughness) * waves(points, rng, 8.0, 25.0), dtype=np.float32)
