"""The true parameters at each subregion of a knee: the subregions are the node's own division."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.bones import LABEL
from ctsma_node.analysis.grid import SIZE, SPACING, canonical, canonical_affine, knee_affine
from ctsma_node.analysis.patches import covered_centre
from ctsma_node.analysis.plan import DEFAULT, PLAN, Plan
from ctsma_node.analysis.result import Bone
from ctsma_node.analysis.subregions import divide, inward_distance, trabecular_region
from ctsma_node.volume import apply
from trainer.phantom.knee import Knee
from trainer.phantom.painting import label_on
from trainer.phantom.scene import Scene
from trainer.phantom.truth import patch_parameters

F64 = npt.NDArray[np.float64]
Template = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, eq=False)
class SubregionTruth:
    """What is known of the 100 subregions of one bone, in their order."""

    centres: F64  # (100, 3) LPS mm
    parameters: F64  # (100, 4) BV/TV, Tb.Th mm, Tb.Sp mm, Tb.N /mm, as truth.patch_parameters
    positions: F64  # (100, 3) mm along k, j, i of the canonical grid


@cache
def templates_of(bundle: Path | None = None) -> dict[Bone, Template]:
    """The seeds that a bundle, the default one without a folder, divides every knee by."""
    plan = Plan.model_validate_json(((bundle or DEFAULT) / PLAN).read_bytes())
    return {Bone.FEMUR: plan.femur_template, Bone.TIBIA: plan.tibia_template}


def subregion_truth(
    scene: Scene, number: int = 0, templates: dict[Bone, Template] | None = None
) -> dict[Bone, SubregionTruth]:
    """Divide knee `number` of a scene as the node does, from its true labels."""
    knee = scene.knees[number]
    affine = knee_affine(knee.placement[:3, 3])
    labels = canonical(label_on(scene, affine, SIZE, knee=number), knee.side)
    seeds = templates or templates_of()
    return {bone: _of_bone(knee, bone, labels, affine, seeds[bone]) for bone in Bone}


def _of_bone(
    knee: Knee, bone: Bone, labels: npt.NDArray[np.uint8], affine: F64, seeds: Template
) -> SubregionTruth:
    region = trabecular_region(inward_distance(labels == LABEL[bone]), bone)
    at = divide(region, np.array(seeds)).centres
    centres = apply(canonical_affine(affine, knee.side), covered_centre(at)[:, ::-1])
    return SubregionTruth(
        centres=centres,
        parameters=patch_parameters(knee, bone, centres),
        positions=np.asarray(at * SPACING[::-1]),
    )
