"""Which of two series suits the method better, and whether one shows the knees of the other.

The paper's CT has 1 mm slices every 0.3 mm, a sharp kernel (U70u) and 0.27 mm pixels (supplement), and is
resampled to 0.977 x 0.977 x 1 mm: what is finer than that grid gains nothing, what is coarser loses texture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ctsma_node.assemble.kernels import Grade, grade
from ctsma_node.choice.candidate import Candidate
from ctsma_node.choice.rules import first_match
from ctsma_node.config import RuleSettings

GRID_MM = 1.0
"""Slices and pixels of the analysis grid."""
SLICE_STEP_MM, PIXEL_STEP_MM, SPACING_STEP_MM = 0.25, 0.1, 0.1
"""Differences smaller than this decide nothing."""
FINEST_SPACING_MM = 0.3
OTHER_KNEE_MM = 50.0
"""Half a knee: what a series shows to the left or right of another one, if wider, may be another knee."""
EDGE_MM = 5.0
"""Fields of view that end within so much of one another cut the same knees off."""
SHARED = 0.5
"""Least share of the shorter extent that two stacks of the same knees have in common, before and along."""

_BY_KERNEL = (Grade.SHARP, Grade.MEDIUM, Grade.VERY_SHARP, Grade.STANDARD, Grade.UNKNOWN, Grade.SOFT)
_UNKNOWN_MM = 99.0


class Quality(NamedTuple):
    """Smaller is better, the first difference decides."""

    preference: int  # place of the rule that prefers it
    derived: bool
    slices: float  # thickness or spacing, whichever is larger, in steps
    pixels: float  # in steps
    kernel: int  # place in _BY_KERNEL
    spacing: float  # overlapping slices, in steps


WORDS = (
    "is preferred by a rule",
    "is no derived image",
    "has thinner slices",
    "has smaller pixels",
    "has a kernel that suits bone better",
    "has more slices of the same thickness",
)
"""What each field of Quality says of the better one."""


def quality(candidate: Candidate, rules: Sequence[RuleSettings]) -> Quality:
    """How well a series suits the method."""
    rule = first_match(rules, candidate)
    preferred = rule is not None and rule.action == "prefer"
    known = [_credible(each) for each in (candidate.thickness_mm, candidate.spacing_mm) if each is not None]
    return Quality(
        preference=rules.index(rule) if rule is not None and preferred else len(rules),
        derived=not candidate.original,
        slices=_steps(max(known, default=_UNKNOWN_MM), SLICE_STEP_MM, GRID_MM),
        pixels=_steps(candidate.pixel_mm or _UNKNOWN_MM, PIXEL_STEP_MM, GRID_MM),
        kernel=_BY_KERNEL.index(grade(candidate.kernel)),
        spacing=_steps(candidate.spacing_mm or _UNKNOWN_MM, SPACING_STEP_MM, FINEST_SPACING_MM),
    )


def why_better(better: Quality, other: Quality) -> str:
    """The first difference in words; that it is measured where there is none."""
    differing = (words for words, a, b in zip(WORDS, better, other, strict=True) if a < b)
    return next(differing, "is analysed already")


def same_patient_space(a: Candidate, b: Candidate) -> bool:
    """Whether places of the two series can be compared: one study, one frame of reference, no other side."""
    if not a.frame_of_reference_uid or not a.study_uid:
        return False
    same = (a.study_uid, a.frame_of_reference_uid) == (b.study_uid, b.frame_of_reference_uid)
    return same and (a.side == b.side or not (a.side and b.side))


def covers(a: Candidate, b: Candidate) -> bool:
    """Whether `a` shows every knee that `b` shows, as far as boxes tell.

    Two knees lie beside each other along the patient's x: what `b` shows beyond `a` there must be too narrow
    for a knee. Along y and z it is enough that the two overlap by half: whether there is a knee in `a`, its
    analysis has said before `b` is left out.
    """
    if a.box is None or b.box is None:
        return False
    (left, right), *others = a.box
    beyond = max(left - b.box[0][0], b.box[0][1] - right)
    return beyond <= OTHER_KNEE_MM and all(
        _shared(extent, other) >= SHARED for extent, other in zip(others, b.box[1:], strict=True)
    )


def contains(a: Candidate, b: Candidate) -> bool:
    """Whether `b` shows nothing beyond `a`, so that no knee which `a` cuts off is whole in `b`."""
    if a.box is None or b.box is None:
        return False
    return all(
        low - EDGE_MM <= least and most <= high + EDGE_MM
        for (low, high), (least, most) in zip(a.box, b.box, strict=True)
    )


def _shared(a: tuple[float, float], b: tuple[float, float]) -> float:
    shorter = max(min(a[1] - a[0], b[1] - b[0]), 1e-6)
    return (min(a[1], b[1]) - max(a[0], b[0])) / shorter


def _steps(value: float, step: float, finest: float) -> float:
    """The value rounded to steps, and no finer than what gains anything."""
    return round(max(_credible(value), finest) / step) * step


def _credible(value: float) -> float:
    """A sibling is ranked before the gate has seen it: what is beyond all measures is the worst."""
    return value if value < _UNKNOWN_MM else _UNKNOWN_MM  # NaN is not smaller either
