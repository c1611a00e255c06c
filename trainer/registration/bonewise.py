"""Femur and tibia each registered alone, from several starts, coarse to fine (paper, section 3.1.3, without
its synthesis)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array
from trainer.mr import MRVolume
from trainer.registration.coarse import Start, global_starts, joint_centre, middle_of
from trainer.registration.fixed import FixedPoints, grown, points_of
from trainer.registration.knee import CTKnee
from trainer.registration.match import Found, Match, best_first
from trainer.registration.moving import Level, levels
from trainer.registration.rigid import distances, mean_rigid, turned_about

FLEXIONS = (-24.0, -16.0, -8.0, 0.0, 8.0, 16.0, 24.0)
"""Degrees about the left-right axis that each start is turned by: what the global start got wrong."""
SAME = 2.0
"""mm (root mean square over a bone) within which two poses are one."""


@dataclass(frozen=True)
class Effort:
    """Points, evaluations and first steps (mm) of a climb."""

    points: int
    evaluations: int
    step: float


FIRST, SECOND, LAST = Effort(2500, 150, 5.0), Effort(8000, 200, 2.0), Effort(24_000, 200, 0.6)
KEPT = (5, 2)
"""Starts that are climbed from on the first and on the second level."""


@dataclass(frozen=True, eq=False)
class BonePose:
    """A bone's registration."""

    transform: Array
    """4 x 4, LPS mm of the CT to LPS mm of the MR."""
    score: float
    """Mutual information on the finest level in bits, weighed by overlap."""
    halves_mm: float
    """Root mean square distance between the poses that two halves of the points give."""
    others: tuple[Found, ...]
    """The ends of the other starts on the first level, the best first; `agreeing` counts those at this pose."""
    agreeing: int


@dataclass(frozen=True, eq=False)
class KneePose:
    """Both bones' registrations, the points they rest on, and the starts they came from."""

    bones: dict[Bone, BonePose]
    points: dict[Bone, FixedPoints]
    starts: list[Start]
    levels: tuple[Level, ...]


def register(knee: CTKnee, mr: MRVolume) -> KneePose:
    """Where both bones of the CT lie in the MR. Deterministic; whether to believe it is for `quality` to say."""
    points = bone_points(knee)
    pyramid = levels(mr)
    starts = global_starts(points, pyramid[0], middle_of(mr.affine, mr.size))
    joint = joint_centre(points)
    first = {bone: _roughly(points[bone], pyramid[0], _turned(starts[:2], bone, joint)) for bone in Bone}
    for bone, other in ((Bone.FEMUR, Bone.TIBIA), (Bone.TIBIA, Bone.FEMUR)):
        beside = [turned_about(first[other][0].transform, np.array([d, 0.0, 0.0]), joint) for d in FLEXIONS]
        first[bone] = best_first(first[bone] + _roughly(points[bone], pyramid[0], beside))
    bones = {bone: _finely(points[bone], pyramid, first[bone]) for bone in Bone}
    return KneePose(bones, points, starts, pyramid)


def bone_points(knee: CTKnee) -> dict[Bone, FixedPoints]:
    """The points each bone is recognised by: its mask, grown, without the other bones."""
    masks = {bone: knee.mask(bone) for bone in Bone}
    return {
        bone: points_of(grown(mask, (knee.labels > 0) & ~mask), knee.hu, knee.affine)
        for bone, mask in masks.items()
    }


def _turned(starts: list[Start], bone: Bone, joint: Array) -> list[Array]:
    return [
        turned_about(s.transforms[bone], np.array([d, 0.0, 0.0]), joint) for s in starts for d in FLEXIONS
    ]


def _roughly(points: FixedPoints, level: Level, starts: list[Array]) -> list[Found]:
    """The most promising starts, climbed from on the coarsest level."""
    match = Match(points.sample(FIRST.points), level)
    likely = best_first([Found(each, match.score(each)) for each in starts])[: KEPT[0]]
    return best_first([match.climb(each.transform, FIRST.step, FIRST.evaluations) for each in likely])


def _finely(points: FixedPoints, pyramid: tuple[Level, ...], first: list[Found]) -> BonePose:
    """The best of the first level, on the finer ones; its two halves apart tell how far noise moves it."""
    corners = points.lps(every=97)
    middle = Match(points.sample(SECOND.points), pyramid[1])
    kept = _distinct(first, corners)[: KEPT[1]]
    second = best_first([middle.climb(each.transform, SECOND.step, SECOND.evaluations) for each in kept])
    final = points.sample(2 * LAST.points)
    halves = [
        Match(half, pyramid[2]).climb(second[0].transform, LAST.step, LAST.evaluations).transform
        for half in final.halves()
    ]
    transform = mean_rigid(halves[0], halves[1], corners)
    apart = float(np.sqrt(np.mean(distances(halves[0], halves[1], corners) ** 2)))
    score = Match(final, pyramid[2]).score(transform)
    agreeing = sum(rms(each.transform, transform, corners) < 2.0 * SAME for each in first)
    return BonePose(transform, score, apart, tuple(first), agreeing)


def _distinct(found: list[Found], points: Array) -> list[Found]:
    """The best of those that are one pose."""
    kept: list[Found] = []
    for each in found:
        if all(rms(each.transform, other.transform, points) > SAME for other in kept):
            kept.append(each)
    return kept


def rms(first: Array, second: Array, points: Array) -> float:
    """Root mean square distance (mm) between where two transforms take points."""
    return float(np.sqrt(np.mean(distances(first, second, points) ** 2)))
