"""Patches of phantom knees with known truth: what calibrations are fitted on and methods compared on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import Bone
from trainer.morphometry.autocorrelation import autocorrelation
from trainer.morphometry.distance import Mask
from trainer.morphometry.noise import noise_of
from trainer.morphometry.patches import LEAST_COVER, Box, cover, patch_box, trabecular_region, voxel_of
from trainer.morphometry.reference import block_statistics
from trainer.mr import MRVolume

if TYPE_CHECKING:
    from trainer.phantom.subject import Subject

F64 = npt.NDArray[np.float64]
Scanned = tuple[float, float]
"""Side of a pixel and thickness of a slice, mm."""

PATCHES = 40
"""Patches of each bone."""
COHORT = 80
"""People are those of a cohort in the paper's proportions, one for each seed."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One bone of one visit: patches at `centres` (n, 3) LPS mm with their `truth` (n, 4).

    `numbers` (n,) name the points in the bone: the same at every visit.
    """

    bone: Bone
    mr: MRVolume
    region: Mask
    centres: F64
    numbers: npt.NDArray[np.int64]
    truth: F64

    def boxes(self) -> Iterator[Box]:
        """Where each patch lies on the grid."""
        voxel = voxel_of(self.mr.affine)
        for centre in self.centres:
            box = patch_box(self.mr.to_index(centre)[::-1], voxel, self.mr.signal.shape)
            if box is not None:
                yield box


def draw_samples(seed: int, visit: int, difficulty: str, voxel: Scanned | None = None) -> Iterator[Sample]:
    """Femur and tibia of one phantom subject, positioned and scanned for the given visit.

    In voxels of the paper's MR where no others are named.
    """
    from trainer.phantom.difficulty import DIFFICULTIES
    from trainer.phantom.person import draw_people
    from trainer.phantom.subject import draw_subject

    person = draw_people(COHORT, COHORT)[seed % COHORT]
    subject = draw_subject(person, seed, DIFFICULTIES[difficulty], visit)
    if voxel is not None:
        subject = replace(subject, mr_acquisition=subject.mr_acquisition.in_voxels(*voxel))
    yield from samples_of(subject)


def samples_of(subject: Subject) -> Iterator[Sample]:
    """Femur and tibia of a subject, rendered as its MR acquisition says."""
    from trainer.phantom.mr import render_mr
    from trainer.phantom.painting import label_on
    from trainer.phantom.record import lattice
    from trainer.phantom.structure import LABELS, Part
    from trainer.phantom.truth import patch_parameters

    mr = render_mr(subject.mr, subject.mr_acquisition)
    labels = label_on(subject.mr, mr.affine, mr.size)
    for bone in Bone:
        region = trabecular_region(labels == LABELS[Part(bone.value)], voxel_of(mr.affine))
        points = lattice(subject.mr_knee, bone)
        numbers = _measurable(points, mr, region, np.random.default_rng((subject.seed, 71)))
        truth = patch_parameters(subject.mr_knee, bone, points[numbers])
        known = np.isfinite(truth).all(axis=1)
        yield Sample(bone, mr, region, points[numbers[known]], numbers[known], truth[known])


def _measurable(points: F64, mr: MRVolume, region: Mask, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """The first PATCHES of the points, in an order that every visit shares, that are covered enough."""
    voxel = voxel_of(mr.affine)
    chosen: list[int] = []
    for number in rng.permutation(len(points)):
        box = patch_box(mr.to_index(points[number])[::-1], voxel, mr.signal.shape)
        if box is not None and cover(region, box, voxel) >= LEAST_COVER:
            chosen.append(int(number))
        if len(chosen) == PATCHES:
            break
    return np.array(chosen, dtype=np.int64)


def statistics_of(samples: Iterable[Sample]) -> dict[str, Any]:
    """Arrays of one visit, by bone: statistics of patches and blocks in units of the signal, and truth."""
    arrays: dict[str, Any] = {}
    for sample in samples:
        voxel, noise = voxel_of(sample.mr.affine), noise_of(sample.mr.signal, sample.region)
        points, blocks = block_statistics(sample.mr, sample.region, noise)
        patches = [
            autocorrelation(sample.mr.signal[box], sample.region[box], voxel, noise) for box in sample.boxes()
        ]
        found = {
            "centres": sample.centres,
            "truth": sample.truth,
            "patches": np.stack([one.as_row() for one in patches]),
            "points": points,
            "blocks": np.stack([one.as_row() for one in blocks]),
            "noise": noise.level,
            "band": noise.band,
            "voxel": voxel,
        }
        arrays |= {f"{sample.bone}_{name}": value for name, value in found.items()}
    return arrays


def maker(
    make: Callable[[Iterable[Sample]], dict[str, Any]], difficulty: str, voxel: Scanned | None = None
) -> Callable[[int], dict[str, Any]]:
    """`make` as `trainer.stage.make_items` calls it: item 2 n + v is visit v of subject n."""
    return partial(_of_item, make, difficulty, voxel)


def _of_item(
    make: Callable[[Iterable[Sample]], dict[str, Any]], difficulty: str, voxel: Scanned | None, item: int
) -> dict[str, Any]:
    return make(draw_samples(item // 2, item % 2, difficulty, voxel))
