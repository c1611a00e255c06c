"""The proximal fibula, behind and to lateral of the tibia."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.phantom.proportions import drawn
from trainer.phantom.sdf import F32, Points, capsule, cut, ellipsoid, union, warp, waves


@dataclass(frozen=True)
class FibulaForm:
    """Proportions in mm, for a knee of middle size."""

    drop: float  # z of the tip, below the joint line
    back: float  # y of the head
    out: float  # x of the head beyond the tibia's edge, to lateral
    head: float  # scale of the head
    radius: float  # of the shaft
    inward: float  # how far the shaft runs to medial over its length
    gap: float  # distance to the tibia, less where its bumps stand out
    seed: int = 0  # of the relief


def draw_fibula_form(rng: np.random.Generator) -> FibulaForm:
    """Proportions of one person."""
    return FibulaForm(
        drop=drawn(rng, -11.0, 3.0),
        back=drawn(rng, 17.0, 2.6),
        out=drawn(rng, 1.0, 1.3),
        head=drawn(rng, 1.0, 0.09),
        radius=drawn(rng, 6.3, 0.8),
        inward=drawn(rng, 7.0, 2.5),
        gap=drawn(rng, 2.4, 0.3),
    )


def fibula_shape(
    points: Points, form: FibulaForm, plateau_width: float, tibia: F32, roughness: float = 1.0
) -> F32:
    """Signed distance of a fibula beside a tibia of this half width whose distances are known."""
    rng = np.random.default_rng(form.seed)
    p = warp(points, rng, 0.6 * roughness, 30.0, 90.0)
    x, y, top, s = -plateau_width - form.out, form.back, form.drop, form.head
    head = ellipsoid(p, (x + 0.5, y, top - 12.0 * s), (9.5 * s, 10.0 * s, 12.5 * s))
    tip = ellipsoid(p, (x - 2.0, y + 3.0, top - 5.0 * s), (4.5, 5.0, 6.5))
    bend = (x + 0.5 * form.inward, y + 1.0, top - 45.0)
    neck = capsule(p, (x + 0.5, y, top - 18.0), bend, 7.5, form.radius)
    shaft = capsule(p, bend, (x + form.inward, y + 3.0, -260.0), form.radius)
    shape = union(union(union(head, tip, 5.0), neck, 6.0), shaft, 6.0)
    shape = shape + np.float32(0.2 * roughness) * waves(points, rng, 8.0, 25.0)
    return cut(np.asarray(shape, dtype=np.float32), tibia - np.float32(form.gap), 2.0)
