"""One knee of a volume: all that goes before the student, and all that follows from what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ctsma_node.analysis import bones, familiarity, measure
from ctsma_node.analysis.bundle import Bundle
from ctsma_node.analysis.contrast import contrast_marks
from ctsma_node.analysis.explain import explain
from ctsma_node.analysis.grid import SIZE, canonical, canonical_affine, knee_affine, resample
from ctsma_node.analysis.knees import KneeSite
from ctsma_node.analysis.plan import StudentPlan
from ctsma_node.analysis.planes import plane_marks
from ctsma_node.analysis.result import (
    SUBREGIONS_PER_BONE,
    Bone,
    BoneSummary,
    Estimate,
    Familiarity,
    KneeResult,
    Mark,
    OAClass,
    Parameter,
    Side,
    Subregion,
)
from ctsma_node.analysis.sharpness import sharpness, sharpness_marks
from ctsma_node.analysis.soft_tissue import soft_tissue_marks
from ctsma_node.analysis.subregions import Distance
from ctsma_node.analysis.voltage import voltage_marks
from ctsma_node.errors import Refused
from ctsma_node.volume import Array, CTVolume, apply

Start = Callable[[str, float], None]
"""Told which stage begins, and how much of the volume is done."""

_OFF_MIDLINE = 40.0
"""mm from the middle of the table at which a single knee is that side's own."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A knee whose patches are cut; arrays as in `KneeResult`."""

    side: Side
    hu: npt.NDArray[np.float32]
    affine: Array
    labels: npt.NDArray[np.uint8]
    tokens: measure.Tokens
    marks: tuple[Mark, ...]
    familiarity: Familiarity | None


def prepare(
    volume: CTVolume,
    site: KneeSite,
    stated: Side | None,
    bundle: Bundle,
    device: torch.device,
    refuse_unfamiliar: bool,
    start: Start,
    done: float,
) -> Prepared:
    """Bring a knee onto the grid, segment it, check it and cut its patches; raises Refused."""
    start("resample", 0.15 + 0.8 * done)
    affine = knee_affine(site.centre)
    hu, covered = resample(volume, affine, SIZE)
    bones.check_metal(hu)
    start("segment bones", 0.3 + 0.7 * done)
    labels = bones.segment(hu, bundle.segmenter, device)
    inward = bones.distances(labels)
    bones.check_bones(inward, covered, hu)
    side, marks = decide_side(seen_side(labels, affine, site), stated, site.centre[0])
    start("divide", 0.55 + 0.45 * done)
    # Neither the checks nor the division uses more than one core.
    with ThreadPoolExecutor(1) as beside:
        checked = beside.submit(_check, hu, labels, covered, inward)
        canonical_inward = {bone: canonical(distance, side) for bone, distance in inward.items()}
        t = measure.tokens(canonical(hu, side), canonical(labels > 0, side), canonical_inward, bundle.plan)
        start("check", 0.7 + 0.3 * done)
        marks = (*marks, *checked.result())
    found = _familiarity(t, bundle)
    unfamiliar = _unfamiliar(found, bundle, refuse_unfamiliar)
    marks = (*marks, *voltage_marks(volume.tube_voltage), *measure.overlapping(t.centres), *unfamiliar)
    return Prepared(side, hu, affine, labels, t, marks, found)


def finish(
    knee: Prepared, values: Array, sds: Array, bundle: Bundle, device: torch.device, start: Start
) -> KneeResult:
    """The result of a knee from the values and standard uncertainties (200, 4) of its subregions."""
    t, side = knee.tokens, knee.side
    probabilities, cartilage = measure.classify(values, t.positions, bundle, device)
    start("explain", 0.95)
    explanation, shares = explain(values, t.positions, bundle, device)
    subregion_labels = canonical(_joined(t), side)
    return KneeResult(
        side=side,
        hu=knee.hu,
        affine=knee.affine,
        bone_labels=knee.labels,
        subregion_labels=subregion_labels,
        subregions=_subregions(knee, values, sds, shares, subregion_labels, bundle.plan.student),
        bones=tuple(_summary(bone, values, t) for bone in Bone),
        class_probabilities=probabilities,
        oa_class=class_of(probabilities),
        oa_probability=1.0 - probabilities[OAClass.NORMAL],
        explanation=explanation,
        cartilage=cartilage,
        marks=knee.marks,
        familiarity=knee.familiarity,
    )


def class_of(probabilities: Mapping[OAClass, float]) -> OAClass:
    """Osteoarthritis where that is likelier than none, then the likelier of its two classes.

    The likeliest of the three could be "normal" beside a P(OA) above a half.
    """
    if probabilities[OAClass.NORMAL] > 0.5:
        return OAClass.NORMAL
    return max((OAClass.MILD, OAClass.ADVANCED), key=lambda c: probabilities[c])


def _familiarity(t: measure.Tokens, bundle: Bundle) -> Familiarity | None:
    """How unlike the knees of training this one is, where the bundle can tell."""
    plan, reference = bundle.plan.familiarity, bundle.reference
    if plan is None or reference is None:
        return None
    return familiarity.judge(familiarity.distances(measure.look(t), reference), plan.limits)


def _unfamiliar(found: Familiarity | None, bundle: Bundle, refuse: bool) -> tuple[Mark, ...]:
    """A mark, where the knee is unlike those of training; raises Refused where that is asked for."""
    plan = bundle.plan.familiarity
    if plan is None or found is None:
        return ()
    return familiarity.marks(found, plan, refuse)


def _subregions(
    knee: Prepared,
    values: Array,
    sds: Array,
    shares: Array,
    labels: npt.NDArray[np.uint8],
    plan: StudentPlan,
) -> tuple[Subregion, ...]:
    t = knee.tokens
    lps = apply(canonical_affine(knee.affine, knee.side), t.centres[:, ::-1])
    counts = np.bincount(labels.ravel(), minlength=2 * SUBREGIONS_PER_BONE + 1)
    return tuple(
        Subregion(
            bone=Bone.FEMUR if n < SUBREGIONS_PER_BONE else Bone.TIBIA,
            number=n % SUBREGIONS_PER_BONE + 1,
            label=n + 1,
            centre=(float(lps[n, 0]), float(lps[n, 1]), float(lps[n, 2])),
            volume=float(counts[n + 1]) * bones.VOXEL,
            values={p: Estimate(float(values[n, c]), float(sds[n, c])) for c, p in enumerate(Parameter)},
            contributions={p: float(shares[n, c]) for c, p in enumerate(Parameter)},
            marks=_marks(values[n], float(t.mask[:, n].mean()), plan),
        )
        for n in range(len(values))
    )


def _marks(values: Array, inside: float, plan: StudentPlan) -> tuple[Mark, ...]:
    """What a reader must know about one subregion."""
    outside = [
        p.value for p, v, a, b in zip(Parameter, values, plan.low, plan.high, strict=True) if not a <= v <= b
    ]
    marks = []
    if outside:
        text = f"{', '.join(outside)} outside the range that the model was trained on"
        marks.append(Mark("outside_training_range", text))
    if inside < 0.25:
        marks.append(Mark("little_bone", "less than a quarter of the patch is trabecular bone"))
    return tuple(marks)


def _check(
    hu: npt.NDArray[np.float32],
    labels: npt.NDArray[np.uint8],
    covered: npt.NDArray[np.bool_],
    inward: dict[Bone, Distance],
) -> tuple[Mark, ...]:
    """What the image itself tells against a measurement; raises Refused where it must not be made."""
    return (
        *bones.wider_than_grid(inward),
        *soft_tissue_marks(hu, labels),
        *sharpness_marks(sharpness(hu, labels, covered)),
        *contrast_marks(hu, labels),
        *plane_marks(hu, inward),
    )


def seen_side(labels: bones.Labels, affine: Array, site: KneeSite) -> Side | None:
    """By the fibula; by the whole field of view where that is not on the grid, or where both knees are."""
    side = bones.side_of(labels, affine)
    return site.side if side is None and (site.paired or not bones.has_fibula(labels)) else side


def decide_side(anatomy: Side | None, stated: Side | None, x: float) -> tuple[Side, tuple[Mark, ...]]:
    """Side of a knee: by its fibula, then as the source states, then by where it lies across the table.

    `x` is the joint's place in LPS mm. Raises Refused `side_unknown` where nothing tells.
    """
    side = anatomy or stated
    if side is None and abs(x) >= _OFF_MIDLINE:
        text = "left or right was told only by the knee's place across the table: check it"
        return Side.LEFT if x > 0 else Side.RIGHT, (Mark("side_by_position", text),)
    if side is None:
        raise Refused(
            "side_unknown",
            "Left or right cannot be told: there is no fibula beside the tibia in the field of view, or the "
            "leg is turned, and there is no Laterality in the source.",
        )
    if stated is not None and stated is not side:
        return side, (Mark("laterality_conflict", "the anatomy is not of the side that the source states"),)
    return side, ()


def doubled(knees: Sequence[Prepared]) -> list[Prepared]:
    """Knees of a side that another one, farther to that side of the patient, is of as well."""
    found: list[Prepared] = []
    for side in Side:
        across = sorted((k for k in knees if k.side is side), key=lambda k: float(k.affine[0, 3]))
        found += across[1:] if side is Side.RIGHT else across[:-1]
    return found


def _joined(t: measure.Tokens) -> npt.NDArray[np.uint8]:
    """One label array: femur 1..100, tibia 101..200."""
    femur, tibia = t.partitions[Bone.FEMUR].labels, t.partitions[Bone.TIBIA].labels
    return np.where(tibia > 0, tibia + SUBREGIONS_PER_BONE, femur).astype(np.uint8)


def _summary(bone: Bone, values: Array, t: measure.Tokens) -> BoneSummary:
    first = 0 if bone is Bone.FEMUR else SUBREGIONS_PER_BONE
    rows = values[first : first + SUBREGIONS_PER_BONE]
    return BoneSummary(
        bone=bone,
        volume=float((t.partitions[bone].labels > 0).sum()) * bones.VOXEL,
        mean={p: float(rows[:, c].mean()) for c, p in enumerate(Parameter)},
        sd={p: float(rows[:, c].std(ddof=1)) for c, p in enumerate(Parameter)},
    )
