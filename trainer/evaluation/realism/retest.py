"""The same knees positioned and scanned a second time: how far HU and the true parameters repeat."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import CTVolume, apply
from trainer.evaluation.icc import icc21_of
from trainer.evaluation.realism.scans import draw_again
from trainer.evaluation.realism.zones import F64
from trainer.morphometry.parameters import NAMES
from trainer.phantom.coarse import coarse_acquisition
from trainer.phantom.ct import render_ct
from trainer.phantom.structure import Part
from trainer.phantom.subject import Subject
from trainer.phantom.subregions import subregion_truth
from trainer.phantom.truth import PATCH_MM

HU = "mean HU of the patch"


@dataclass(frozen=True)
class Repeat:
    """Agreement of two visits over all subregions of all subjects."""

    figure: str
    icc: float  # ICC(2,1)
    rms_cv: float  # root mean square of the coefficients of variation, as a share


def both_visits(number: int, cohort: Path) -> dict[str, F64]:
    """(2, 200) of each figure at a subject's subregions, visit by visit.

    At `mapped` places the second visit is measured about the very points of the bone of the first; at
    `divided` ones about the centres that its own division gives.
    """
    first, second = draw_again(cohort, number), draw_again(cohort, number, visit=1)
    scans = [render_ct(s.ct, coarse_acquisition(s.ct_acquisition)) for s in (first, second)]
    truths = [subregion_truth(s.ct) for s in (first, second)]
    centres = np.concatenate([truths[0][bone].centres for bone in Bone])
    mapped = np.concatenate([_carried(first, second, bone, truths[0][bone].centres) for bone in Bone])
    divided = np.concatenate([truths[1][bone].centres for bone in Bone])
    out = {
        f"{HU}, mapped": np.stack([patch_hu(scans[0], centres), patch_hu(scans[1], mapped)]),
        f"{HU}, divided": np.stack([patch_hu(scans[0], centres), patch_hu(scans[1], divided)]),
    }
    true = np.stack([np.concatenate([t[bone].parameters for bone in Bone]) for t in truths])
    return out | {f"true {name}, divided": true[..., c] for c, name in enumerate(NAMES)}


def _carried(first: Subject, second: Subject, bone: Bone, points: F64) -> F64:
    """Points of a bone in the first CT to where the second CT has them, LPS mm."""
    part = Part(bone.value)
    return apply(second.ct_knee.poses[part] @ np.linalg.inv(first.ct_knee.poses[part]), points)


def patch_hu(volume: CTVolume, centres_lps: F64) -> F64:
    """Mean HU of a patch about each centre (n, 3): (n,)."""
    y, z, x = ((np.arange(12) + 0.5) / 12.0 * side - 0.5 * side for side in PATCH_MM)
    grid = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
    index = volume.to_index(centres_lps[:, None, :] + grid)
    values = map_coordinates(volume.hu, np.moveaxis(index[..., ::-1], -1, 0), order=1, mode="nearest")
    return np.asarray(values.mean(axis=1), dtype=np.float64)


def repeats(visits: dict[str, F64]) -> list[Repeat]:
    """ICC(2,1) and RMS-CV of each figure; (2, n) each."""
    return [_repeat(figure, *values) for figure, values in visits.items()]


def _repeat(figure: str, first: F64, second: F64) -> Repeat:
    known = np.isfinite(first) & np.isfinite(second)
    a, b = first[known], second[known]
    share = (a - b) ** 2 / 2.0 / ((a + b) / 2.0) ** 2
    return Repeat(figure, icc21_of(a, b), float(np.sqrt(share.mean())))
