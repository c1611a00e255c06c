"""A patient's legs on the couch, in LPS mm: supine, feet towards -z."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import OAClass, Side
from trainer.phantom.joint import moved, turned
from trainer.phantom.knee import Knee, draw_knee
from trainer.phantom.leg import LegForm, draw_leg_form, leg_layers
from trainer.phantom.sdf import capsule
from trainer.phantom.solid import Layers, sample_points

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """One or two knees with what is around them."""

    seed: int
    knees: tuple[Knee, ...]
    legs: tuple[LegForm, ...]
    couch_height: float  # y of the couch's top, mm
    asked: OAClass | None = None  # the class that was asked for, if any
    asked_flexion: float | None = None

    @cached_property
    def layers(self) -> tuple[Layers, ...]:
        """Couch first, then the legs; the bones are painted over them."""
        legs = tuple(leg_layers(knee, form) for knee, form in zip(self.knees, self.legs, strict=True))
        return (couch(self.couch_height), *legs)

    @property
    def centre(self) -> F64:
        """Middle of the joints, LPS mm."""
        return np.asarray(np.mean([knee.placement[:3, 3] for knee in self.knees], axis=0))


def couch(height: float) -> Layers:
    """A curved carbon shell around foam, endless along z."""
    points, origin = sample_points(((-270.0, 270.0), (-20.0, 130.0), (-10.0, 10.0)), 2.5)
    p = points.copy()
    p[..., 2] = 0.0
    shell = np.maximum(
        np.abs(capsule(p, (0.0, -640.0, 0.0), (0.0, -640.0, 1.0), 665.0)) - 25.0, np.abs(p[..., 0]) - 235.0
    )
    maps = np.stack([shell, shell + 2.0], axis=-1).astype(np.float32)
    return Layers(maps, origin, 2.5, np.array([-140.0, -920.0]), moved((0.0, height, 0.0)))


def draw_scene(
    seed: int,
    sides: tuple[Side, ...] = (Side.RIGHT,),
    oa_class: OAClass | None = None,
    *,
    flexion: float | None = None,
) -> Scene:
    """Place one or two knees; both 180 to 220 mm apart, each tilted and shifted a little.

    Both knees of a scene are one person's. A single knee lies off to its own side or, as often, in the
    middle of the couch.
    """
    rng = np.random.default_rng((seed, 11))
    apart = float(rng.uniform(180.0, 220.0))
    middle = bool(rng.random() < 0.5)
    base = rng.normal(0.0, [8.0, 6.0, 20.0])
    form = draw_leg_form(rng)
    knees = []
    for side in sides:
        lateral = -0.5 * apart if side is Side.RIGHT else 0.5 * apart
        x = 0.0 if middle and len(sides) == 1 else lateral
        shift = base + rng.normal(0.0, [4.0, 4.0, 5.0]) + [x, 0.0, 0.0]
        tilt = rng.normal(0.0, [3.0, 3.0, 8.0])
        pose = moved(tuple(shift)) @ turned(tuple(tilt), np.zeros(3))
        knees.append(draw_knee(seed, side, oa_class, placement=pose, flexion=flexion))
    return Scene(
        seed, tuple(knees), (form,) * len(knees), float(base[1] + rng.uniform(95.0, 130.0)), oa_class, flexion
    )
