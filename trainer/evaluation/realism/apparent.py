"""What the MR shows of the subregions: apparent and calibrated parameters beside the true ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ctsma_node.analysis.bones import LABEL
from ctsma_node.analysis.result import Bone
from ctsma_node.volume import apply
from trainer.evaluation.realism.scans import read_scans
from trainer.evaluation.realism.zones import F64
from trainer.morphometry.labels import fit_reference, label_patches
from trainer.morphometry.parameters import NAMES
from trainer.morphometry.patches import trabecular_region, voxel_of


@dataclass(frozen=True)
class Seen:
    """One parameter over all subregions: mean and SD, and correlation with the truth, of what MR shows."""

    parameter: str
    true: tuple[float, float]
    apparent: tuple[float, float]
    calibrated: tuple[float, float]
    apparent_correlation: float  # Pearson, with the truth
    calibrated_correlation: float


def seen_by_mr(number: int, cohort: Path) -> dict[str, F64]:
    """(200, 4) each of a subject's subregions: `true`, `apparent` and `calibrated`; NaN: not measured."""
    scans = read_scans(cohort, number)
    voxel = voxel_of(scans.mr.affine)
    apparent, calibrated = [], []
    for bone in Bone:
        region = trabecular_region(scans.mr_labels == LABEL[bone], voxel)
        centres = apply(scans.subject.ct_to_mr(bone), scans.centres[bone])
        labels = label_patches(scans.mr, fit_reference(scans.mr, region), centres, region)
        apparent.append(labels.apparent)
        calibrated.append(labels.calibrated)
    return {
        "true": np.concatenate([scans.parameters[bone] for bone in Bone]),
        "apparent": np.concatenate(apparent),
        "calibrated": np.concatenate(calibrated),
    }


def seen(items: list[dict[str, F64]]) -> list[Seen]:
    """Over the subregions of all subjects that were measured."""
    true, apparent, calibrated = (
        np.concatenate([item[name] for item in items]) for name in ("true", "apparent", "calibrated")
    )
    known = np.isfinite(np.hstack([true, apparent, calibrated])).all(axis=1)
    return [
        Seen(
            name,
            _spread(true[known, c]),
            _spread(apparent[known, c]),
            _spread(calibrated[known, c]),
            _correlation(true[known, c], apparent[known, c]),
            _correlation(true[known, c], calibrated[known, c]),
        )
        for c, name in enumerate(NAMES)
    ]


def _spread(values: F64) -> tuple[float, float]:
    return float(values.mean()), float(values.std())


def _correlation(a: F64, b: F64) -> float:
    return float(np.corrcoef(a, b)[0, 1])
