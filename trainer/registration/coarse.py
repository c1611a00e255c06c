"""The global start: both bones of the CT placed in the MR at once, the knee as bent as it lies there.

Poses are drawn evenly (a Halton sequence) around the middle of the MR's field of view, within what a knee in
a coil can do; the best are climbed from. Frames are the scanners' own (LPS), so no axis can be taken for
another, and a mirrored knee is never tried.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array, apply
from trainer.registration.fixed import FixedPoints
from trainer.registration.match import Match, simplex
from trainer.registration.moving import Level
from trainer.registration.rigid import ARM, rigid, turned_about

TURN = (30.0, 18.0, 18.0)
"""Degrees about L, P and S that the leg may lie otherwise in the MR: raised, abducted, turned outwards."""
SHIFT = 45.0
"""mm along each axis from the middle of the MR to the joint."""
FLEXION = (-45.0, 45.0)
"""Degrees that the knee may be bent more (or less) in one scan than in the other."""
DRAWN = 3072
CLIMBS = ((32, 40), (8, 80), (4, 200))
"""How many of the best are climbed from, and for how many evaluations, round by round."""
_POINTS = 1200  # of each bone
_FIRST_STEP = 6.0  # mm


@dataclass(frozen=True, eq=False)
class Start:
    """Where each bone of the CT lies in the MR, roughly; `score` in bits, summed over the bones."""

    transforms: dict[Bone, Array]
    score: float
    flexion: float
    """Degrees that the knee is bent otherwise in the MR, about the CT's left-right axis."""


def global_starts(points: dict[Bone, FixedPoints], level: Level, middle: Array) -> list[Start]:
    """Starts by falling score; `middle` is the middle of the MR's field of view, LPS mm."""
    search = _Search(points, level, middle)
    low, high = search.limits()
    drawn = qmc.scale(qmc.Halton(7, scramble=True, rng=0).random(DRAWN), low, high)
    scores = np.array([search.score(each) for each in drawn])
    poses = list(drawn[np.argsort(-scores, kind="stable")])
    for count, evaluations in CLIMBS:
        found = sorted((search.climbed(p, evaluations) for p in poses[:count]), key=lambda each: -each[1])
        poses = [pose for pose, _ in found]
    return [search.start(*each) for each in found]


class _Search:
    """Both bones at a pose of seven numbers: six of `rigid` and the flexion times ARM, in mm."""

    def __init__(self, points: dict[Bone, FixedPoints], level: Level, middle: Array) -> None:
        self.matches = {bone: Match(each.sample(_POINTS), level) for bone, each in points.items()}
        self.joint = joint_centre(points)
        self.middle = middle

    def limits(self) -> tuple[Array, Array]:
        high = np.concatenate([np.deg2rad(TURN) * ARM, np.full(3, SHIFT)])
        flexion = np.deg2rad(FLEXION) * ARM
        return np.append(-high, flexion[0]), np.append(high, flexion[1])

    def transforms(self, pose: Array) -> dict[Bone, Array]:
        """Half of the flexion is each bone's."""
        whole = rigid(pose[:6], self.joint, self.middle)
        half = np.rad2deg(pose[6] / ARM) / 2.0
        return {
            bone: turned_about(whole, np.array([sign * half, 0.0, 0.0]), self.joint)
            for bone, sign in ((Bone.FEMUR, 1.0), (Bone.TIBIA, -1.0))
        }

    def score(self, pose: Array) -> float:
        return sum(self.matches[bone].score(t) for bone, t in self.transforms(pose).items())

    def climbed(self, pose: Array, evaluations: int) -> tuple[Array, float]:
        return simplex(self.score, pose, np.full(7, _FIRST_STEP), evaluations)

    def start(self, pose: Array, score: float) -> Start:
        return Start(self.transforms(pose), score, float(np.rad2deg(pose[6] / ARM)))


def joint_centre(points: dict[Bone, FixedPoints]) -> Array:
    """LPS mm: half way between the bones' points, near the condyles' axis."""
    return np.asarray(np.mean([each.centre for each in points.values()], axis=0))


def middle_of(affine: Array, size: tuple[int, int, int]) -> Array:
    """LPS mm of the middle of a field of view."""
    return apply(affine, (np.array(size) - 1) / 2.0)
