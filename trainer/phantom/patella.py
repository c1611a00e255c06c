"""The patella: a thick shield with two facets that ride on the trochlea."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.phantom.sdf import F32, Points, cut, ellipsoid, union, warp, waves


@dataclass(frozen=True)
class PatellaForm:
    """Proportions in mm."""

    width: float
    height: float
    thickness: float
    rise: float  # z of its centre above the joint line
    gap: float  # distance to the femur: two layers of cartilage
    shift: float  # to medial (+) or lateral (-)
    seed: int = 0  # of the relief


def draw_patella_form(rng: np.random.Generator) -> PatellaForm:
    """Proportions of one person."""
    return PatellaForm(
        width=rng.normal(22.0, 1.2),
        height=rng.normal(20.5, 1.3),
        thickness=rng.normal(10.0, 0.7),
        rise=rng.normal(33.0, 3.5),
        gap=rng.normal(4.5, 0.6),
        shift=rng.normal(-2.0, 1.2),
    )


def patella_shape(points: Points, form: PatellaForm, femur: F32, roughness: float = 1.0) -> F32:
    """Signed distance of the patella in the femur's frame at full extension, off the femur by the gap."""
    rng = np.random.default_rng(form.seed)
    p = warp(points, rng, 0.6 * roughness, 25.0, 80.0)
    x, y, z = form.shift, -40.0, form.rise
    shield = ellipsoid(p, (x, y, z + 2.0), (form.width, form.thickness, form.height))
    ridge = ellipsoid(p, (x + 2.0, y + 4.0, z + 3.0), (form.width * 0.75, form.thickness, form.height * 0.75))
    apex = ellipsoid(p, (x, y - 2.0, z - form.height + 4.0), (8.0, 5.5, 9.0))
    shape = union(union(shield, ridge, 4.0), apex, 6.0)
    front = ellipsoid(p, (x, y - form.thickness - 57.0, z), (60.0, 60.0, 80.0))
    shape = cut(cut(shape, front, 3.0), femur - np.float32(form.gap), 2.0)
    return np.asarray(shape + np.float32(0.2 * roughness) * waves(points, rng, 8.0, 25.0), dtype=np.float32)
