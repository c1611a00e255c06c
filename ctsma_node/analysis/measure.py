"""From a knee's bones to measurements: subregions, patches, the student, the aggregator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ctsma_node.analysis.batches import in_batches
from ctsma_node.analysis.bundle import Bundle
from ctsma_node.analysis.familiarity import Look
from ctsma_node.analysis.familiarity import look as look_at
from ctsma_node.analysis.features import knee_means
from ctsma_node.analysis.grid import AIR, SPACING
from ctsma_node.analysis.patches import (
    MOST_OVERLAP,
    PATCH,
    cut,
    noise_levels,
    overlap,
    student_noise,
    surrounding,
)
from ctsma_node.analysis.plan import AggregatorPlan, Plan, StudentPlan
from ctsma_node.analysis.result import (
    SUBREGIONS_PER_BONE,
    Bone,
    CartilageRegion,
    Estimate,
    Mark,
    OAClass,
)
from ctsma_node.analysis.subregions import CORTEX, Distance, Partition, divide, trabecular_region
from ctsma_node.errors import Refused
from ctsma_node.volume import Array

_BATCH = 50
"""Patches at a time on the CPU; those of a knee, 1600, are whole batches."""
_GPU_BATCH = 3200
"""Patches at a time on a GPU: two knees."""

Volume = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Tokens:
    """The 200 subregions of a knee as the networks see them; canonical arrays, femur first.

    `centres` (200, 3) fractional (k, j, i); `positions` (200, 3) mm from the joint's middle along lateral,
    inferior and posterior; `hu` and `mask` (8, 200, 12, 12, 12) the patches around each centre with their
    `weights` (8, 200); `context` (C,), and `noise` (C,), the same as it is however high.
    """

    centres: Array
    positions: Array
    hu: Volume
    mask: Volume
    weights: Array
    context: Volume
    noise: Volume
    partitions: dict[Bone, Partition]


def tokens(hu: Volume, bone: Mask, inward: dict[Bone, Distance], plan: Plan) -> Tokens:
    """Divide both bones and cut the central patches; all arrays are canonical [k, j, i].

    `bone` is every bone of the knee, `inward` the distances within the two that are measured.
    """
    templates = {Bone.FEMUR: np.array(plan.femur_template), Bone.TIBIA: np.array(plan.tibia_template)}
    partitions, cubes, masks, weights = {}, [], [], []
    for which, distance in inward.items():
        region = trabecular_region(distance, which)
        if int(region.sum()) < 20 * SUBREGIONS_PER_BONE:
            raise Refused("bones_not_credible", f"The trabecular region of the {which.value} is too small.")
        partitions[which] = divide(region, templates[which])
        around, weight = surrounding(partitions[which].centres)
        cubes.append(_patches(hu, around, AIR))
        masks.append(_patches(distance > CORTEX, around, 0.0))
        weights.append(weight)
    noise = noise_levels(hu, bone)
    centres = np.concatenate([partitions[b].centres for b in Bone])
    return Tokens(
        centres=centres,
        positions=centres * SPACING[::-1],
        hu=np.concatenate(cubes, axis=1),
        mask=np.concatenate(masks, axis=1),
        weights=np.concatenate(weights, axis=1),
        context=student_noise(noise),
        noise=noise,
        partitions=partitions,
    )


def _patches(array: npt.NDArray[np.generic], around: Array, outside: float) -> Volume:
    """Patches (8, n, 12, 12, 12) of an array around centres (8, n, 3)."""
    eight, n, _ = around.shape
    return cut(array, around.reshape(-1, 3), outside).reshape(eight, n, PATCH, PATCH, PATCH)


def overlapping(centres: Array) -> tuple[Mark, ...]:
    """Marks a knee in which patches tell nearly the same twice: `centres` (200, 3) in (k, j, i).

    None of 24 synthetic knees comes near it (the most is 0.33, in the smallest tibia); bones at the least
    volume that is analysed can.
    """
    pairs = int(np.triu(overlap(centres) >= MOST_OVERLAP, 1).sum())
    if not pairs:
        return ()
    text = f"{pairs} pairs of subregions are measured in patches that overlap (IoU {MOST_OVERLAP:g} or more)"
    return (Mark("patches_overlap", text),)


def look(t: Tokens) -> Look:
    """What is compared with the knees of training: the patch nearest to each subregion's middle."""
    nearest = t.weights.argmax(axis=0)
    every = np.arange(len(nearest))
    return look_at(t.hu[nearest, every], t.mask[nearest, every], t.positions, t.noise, every)


def estimate(
    knees: Sequence[Tokens], bundle: Bundle, device: torch.device, batch: int | None = None
) -> list[tuple[Array, Array]]:
    """Values and standard uncertainties (200, 4) of each knee's parameters, in the order of `Parameter`.

    The patches of all knees go through the student in one run, in batches of one size (`batch`, else as many
    as suit the device), the last of them filled up: which kernels a GPU takes depends on the shape, and so a
    knee's numbers do not depend on which others are beside it.
    """
    if not knees:
        return []
    size = batch or (_BATCH if device.type == "cpu" else _GPU_BATCH)
    parts = [_student_inputs(t, bundle) for t in knees]
    count = [len(hu) for hu, _, _ in parts]
    joined = tuple(_filled(torch.cat(each), size) for each in zip(*parts, strict=True))
    answers = in_batches(bundle.student, joined, size, device)
    mean, log_variance = (torch.cat(each)[: sum(count)].split(count) for each in zip(*answers, strict=True))
    found = zip(knees, mean, log_variance, strict=True)
    return [_values(t, m, v, bundle.plan.student) for t, m, v in found]


def _student_inputs(t: Tokens, bundle: Bundle) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Patches, masks (1600, 12, 12, 12) and context (1600, C) of a knee."""
    hu, mask = (torch.from_numpy(x).flatten(0, 1) for x in (t.hu, t.mask))
    return hu, mask, _context(t, len(bundle.plan.student.context)).expand(len(hu), -1)


def _filled(rows: torch.Tensor, size: int) -> torch.Tensor:
    """With zeros behind them, to a multiple of `size`."""
    missing = -len(rows) % size
    return torch.cat([rows, rows.new_zeros(missing, *rows.shape[1:])]) if missing else rows


def _values(
    t: Tokens, mean: torch.Tensor, log_variance: torch.Tensor, plan: StudentPlan
) -> tuple[Array, Array]:
    """The student's answers for the eight patches around a centre, averaged by their weights."""
    log_sd = np.array(plan.log_sd)
    log_value = _average(mean, t.weights) * log_sd + np.array(plan.log_mean)
    spread = np.exp(0.5 * _average(log_variance, t.weights)) * log_sd * np.array(plan.sd_factor)
    values = np.exp(log_value)
    return values, values * spread


def _context(t: Tokens, count: int) -> torch.Tensor:
    """What a student is told of the whole scan: its noise and, if that is not all, the knee's means."""
    noise = torch.from_numpy(t.context)
    if count == len(noise):
        return noise
    nearest, n = t.weights.argmax(axis=0), np.arange(t.weights.shape[1])
    hu, mask = (torch.from_numpy(each[nearest, n]) for each in (t.hu, t.mask))
    return torch.cat([noise, knee_means(hu, mask)])


def _average(values: torch.Tensor, weights: Array) -> Array:
    """Weighted mean over the patches around each centre: (8 n, 4) and (8, n) -> (n, 4)."""
    eight, n = weights.shape
    table = values.cpu().numpy().astype(np.float64).reshape(eight, n, -1)
    return np.asarray((table * weights[..., None]).sum(axis=0))


def aggregator_inputs(values: Array, positions: Array, plan: AggregatorPlan) -> tuple[torch.Tensor, ...]:
    """Standardised log parameters, and positions scaled about their mean; of one knee or of many."""
    logs = (np.log(np.maximum(values, 1e-3)) - np.array(plan.log_mean)) / np.array(plan.log_sd)
    parameters = torch.from_numpy(np.clip(logs, -5, 5).astype(np.float32))
    places = (positions - positions.mean(axis=-2, keepdims=True)) / plan.position_scale
    return parameters, torch.from_numpy(places.astype(np.float32))


def classify(
    values: Array, positions: Array, bundle: Bundle, device: torch.device
) -> tuple[dict[OAClass, float], dict[CartilageRegion, Estimate]]:
    """Class probabilities and predicted MOAKS cartilage scores of a knee."""
    plan = bundle.plan.aggregator
    inputs = aggregator_inputs(values[None], positions[None], plan)
    ((logits, scores),) = in_batches(bundle.aggregator, inputs, 1, device)
    p = torch.softmax(logits[0].double() / plan.temperature, dim=0).cpu().numpy()
    raw = scores[0].double().cpu().numpy() * np.array(plan.score_sd) + np.array(plan.score_mean)
    cartilage = {
        region: Estimate(float(max(value, 0.0)), sd)
        for region, value, sd in zip(CartilageRegion, raw, plan.score_error, strict=True)
    }
    return {c: float(v) for c, v in zip(OAClass, p, strict=True)}, cartilage
