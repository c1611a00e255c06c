"""Other anatomy, roughly: what a knee finder must not take for a knee."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trainer.phantom.joint import moved, turned
from trainer.phantom.knee import Knee
from trainer.phantom.other_shapes import SHAPES
from trainer.phantom.scene import couch
from trainer.phantom.sdf import waves
from trainer.phantom.solid import Layers, sample_points

KINDS = tuple(SHAPES)
STEP = 2.0


@dataclass(frozen=True, eq=False)
class OtherScene:
    """Something on the couch that has no knee."""

    seed: int
    kind: str
    knees: tuple[Knee, ...] = ()
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @cached_property
    def layers(self) -> tuple[Layers, ...]:
        """Couch, body, bones, marrow."""
        return _layers(self)


def draw_other(seed: int, kind: str | None = None) -> OtherScene:
    """One of KINDS, drawn where not given; size, place and tilt follow from the seed."""
    rng = np.random.default_rng((seed, 41))
    drawn = str(rng.choice(KINDS))
    if kind is not None and kind not in KINDS:
        raise ValueError(f"no such kind: {kind}; there are {', '.join(KINDS)}")
    return OtherScene(seed, kind or drawn)


def _layers(scene: OtherScene) -> tuple[Layers, ...]:
    rng = np.random.default_rng((scene.seed, 43))
    shape = SHAPES[scene.kind]
    table = couch(shape.half_depth + 10.0)
    if shape.build is None:
        return (table,)
    points, origin = sample_points(shape.box, STEP)
    p = points * np.float32(1.0 / rng.uniform(0.9, 1.1))
    p = p + np.float32(1.2) * np.stack([waves(p, rng, 40.0, 150.0) for _ in range(3)], axis=-1)
    layers = shape.build(p, rng)
    maps = np.stack([distance for distance, _ in layers], axis=-1).astype(np.float32)
    tilt = rng.normal(0.0, 3.0, 3)
    pose = moved(tuple(rng.normal(0.0, 5.0, 3))) @ turned((tilt[0], tilt[1], tilt[2]), np.zeros(3))
    return table, Layers(maps, origin, STEP, np.array([hu for _, hu in layers]), pose)
