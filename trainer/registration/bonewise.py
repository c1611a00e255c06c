"""Femur and tibia each registered alone, from several starts, coarse to fine (paper, section 3.1.3, without
its synthesis)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array
from trainer.mr import MRVolume
from trainer.registration.beside import around_the_other, bent
from trainer.registration.coarse import Start, global_starts, joint_centre, middle_of
from trainer.registration.fixed import FixedPoints, grown, points_of
from trainer.registration.knee import CTKnee
from trainer.registration.match import Found, Match, best_first
from trainer.registration.moving import LEVELS, Level, averaged, levels
from trainer.registration.rigid import distances, mean_rigid
from trainer.registration.texture import TextureMatch, texture_of, texture_points

SAME = 2.0
"""mm (root mean square over a bone) within which two poses are one."""


@dataclass(frozen=True)
class Effort:
    """Points, evaluations and first steps (mm) of a climb."""

    points: int
    evaluations: int
    step: float


FIRST, SECOND, THIRD = Effort(2500, 150, 5.0), Effort(8000, 200, 2.0), Effort(24_000, 120, 0.6)
TEXTURE = Effort(30_000, 150, 0.3)
KEPT = (5, 2)
"""Starts that are climbed from on the first and on the second level."""
TRUSTED_TEXTURE = 0.4
"""Agreement of texture above which it has the last word on the pose."""
TEXTURE_REACH = 1.5
"""mm (root mean square) that it may move the bone: further off it would fit another trabecula."""


@dataclass(frozen=True, eq=False)
class BonePose:
    """A bone's registration and what is known of it."""

    transform: Array
    """4 x 4, LPS mm of the CT to LPS mm of the MR."""
    by_information: Array
    """What mutual information alone had found."""
    information: float
    """Mutual information on the finest level in bits, weighed by overlap."""
    texture: float
    """Agreement of the trabecular texture, -1 to 1."""
    inside: float
    """Share of the bone (and 4 mm around) that lies in the MR's field of view."""
    moved_mm: float
    """How far the texture moved what mutual information had found (root mean square over the bone)."""
    halves_mm: float
    """How far apart the poses are that two halves of the texture's points give."""
    agreeing: int
    """Starts that ended at this pose on the coarsest level, of `started`."""
    started: int


@dataclass(frozen=True, eq=False)
class KneePose:
    """Both bones' registrations, the points they rest on, and the starts they came from."""

    bones: dict[Bone, BonePose]
    points: dict[Bone, FixedPoints]
    starts: list[Start]
    levels: tuple[Level, ...]


def register(knee: CTKnee, mr: MRVolume) -> KneePose:
    """Where both bones of the CT lie in the MR. Deterministic; whether to believe it, `quality` says."""
    points = bone_points(knee)
    pyramid = levels(mr)
    starts = global_starts(points, pyramid[0], middle_of(mr.affine, mr.size))
    joint = joint_centre(points)
    first = {
        bone: _roughly(
            points[bone],
            pyramid[0],
            [each for start in starts[:2] for each in bent(start.transforms[bone], joint)],
        )
        for bone in Bone
    }
    for bone, other in ((Bone.FEMUR, Bone.TIBIA), (Bone.TIBIA, Bone.FEMUR)):
        beside = bent(first[other][0].transform, joint)
        first[bone] = best_first(first[bone] + _roughly(points[bone], pyramid[0], beside))
    texture = texture_of(averaged(mr, LEVELS[-1][0]))

    def finished(bone: Bone, from_first: list[Found]) -> BonePose:
        found = _finely(points[bone], pyramid, from_first)
        inside = texture_points(knee.mask(bone), knee.hu, knee.affine, TEXTURE.points)
        return _by_texture(TextureMatch(inside, *texture), points[bone], pyramid[-1], found, from_first)

    bones = {bone: finished(bone, first[bone]) for bone in Bone}
    for bone, other in ((Bone.FEMUR, Bone.TIBIA), (Bone.TIBIA, Bone.FEMUR)):
        if bones[bone].texture < TRUSTED_TEXTURE <= bones[other].texture:
            beside = around_the_other(bones[other].transform, joint)
            again = finished(bone, _roughly(points[bone], pyramid[0], beside))
            bones[bone] = max(bones[bone], again, key=lambda each: each.texture)
    return KneePose(bones, points, starts, pyramid)


def bone_points(knee: CTKnee) -> dict[Bone, FixedPoints]:
    """The points each bone is recognised by: its mask, grown, without the other bones."""
    masks = {bone: knee.mask(bone) for bone in Bone}
    return {
        bone: points_of(grown(mask, (knee.labels > 0) & ~mask), knee.hu, knee.affine)
        for bone, mask in masks.items()
    }


def _roughly(points: FixedPoints, level: Level, starts: list[Array]) -> list[Found]:
    """The most promising starts, climbed from on the coarsest level."""
    match = Match(points.sample(FIRST.points), level)
    likely = best_first([Found(each, match.score(each)) for each in starts])[: KEPT[0]]
    return best_first([match.climb(each.transform, FIRST.step, FIRST.evaluations) for each in likely])


def _finely(points: FixedPoints, pyramid: tuple[Level, ...], first: list[Found]) -> Found:
    """The best of the first level, on the finer ones."""
    middle = Match(points.sample(SECOND.points), pyramid[1])
    kept = _distinct(first, points.lps(every=97))[: KEPT[1]]
    second = best_first([middle.climb(each.transform, SECOND.step, SECOND.evaluations) for each in kept])
    last = Match(points.sample(THIRD.points), pyramid[2])
    return last.climb(second[0].transform, THIRD.step, THIRD.evaluations)


def _by_texture(
    match: TextureMatch, points: FixedPoints, level: Level, found: Found, first: list[Found]
) -> BonePose:
    """The last refinement: by each half of the texture's points, the pose half way between them.

    Where the texture does not agree, or leads away, what mutual information found stands.
    """
    corners = points.lps(every=97)
    one, two = (
        replace(match, texture=half).climb(found.transform, TEXTURE.step, TEXTURE.evaluations).transform
        for half in match.texture.halves()
    )
    refined = mean_rigid(one, two, corners)
    moved, agreement = rms(found.transform, refined, corners), match.score(refined)
    if agreement < TRUSTED_TEXTURE or moved > TEXTURE_REACH:
        refined, agreement = found.transform, match.score(found.transform)
    edges = Match(points.sample(THIRD.points), level)
    return BonePose(
        transform=refined,
        by_information=found.transform,
        information=edges.score(refined),
        texture=agreement,
        inside=edges.inside(refined),
        moved_mm=moved,
        halves_mm=rms(one, two, corners),
        agreeing=sum(rms(each.transform, refined, corners) < 2.0 * SAME for each in first),
        started=len(first),
    )


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
