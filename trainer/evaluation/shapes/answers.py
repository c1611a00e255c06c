"""One knee in a given shape: drawn, scanned, analysed, and held against what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import KneeResult, OAClass, Parameter, Side
from ctsma_node.errors import Refused
from ctsma_node.volume import CTVolume, apply
from trainer.phantom.acquisition import draw_acquisition
from trainer.phantom.ct import render_ct
from trainer.phantom.knee import Knee
from trainer.phantom.painting import label_on
from trainer.phantom.scene import Scene, draw_scene
from trainer.phantom.shapes import Shapes, in_shapes
from trainer.phantom.structure import LABELS, Part
from trainer.phantom.truth import patch_parameters

F64 = npt.NDArray[np.float64]
SCALES = (0.92, 1.08)
"""Least and largest size that the shapes are given."""


@dataclass(frozen=True)
class Answer:
    """`dice` by bone, `correlation` of the 200 subregions with the truth by parameter; none where refused."""

    seed: int
    shape: str
    refused: str = ""
    side_is_right: bool = False
    dice: tuple[float, ...] = ()
    correlation: tuple[float, ...] = ()
    marks: tuple[str, ...] = ()
    oa_class: str = ""
    """That was drawn."""
    oa_probability: float | None = None


def scene_in_shapes(seed: int, shapes: Shapes) -> Scene:
    """A straight knee with another person's bones: side, class and size follow from the seed."""
    rng = np.random.default_rng((seed, 81))
    side = (Side.LEFT, Side.RIGHT)[int(rng.integers(2))]
    oa_class = tuple(OAClass)[int(rng.integers(3))]
    scene = draw_scene(seed, (side,), oa_class, flexion=0.0)
    return replace(scene, knees=(in_shapes(scene.knees[0], shapes, float(rng.uniform(*SCALES))),))


def answer(seed: int, path: Path, shapes: Shapes, analyser: Analyser) -> Answer:
    """Draw the knee of a seed in the shapes, scan it in any way that a hospital may, and analyse it."""
    scene = scene_in_shapes(seed, shapes)
    try:
        volume = render_ct(scene, draw_acquisition(seed, scene))
        result = analyser.analyse(volume)
    except Refused as refused:
        return Answer(seed, path.name, refused=refused.code)
    knee, drawn = result.knees[0], scene.knees[0]
    return Answer(
        seed,
        path.name,
        side_is_right=knee.side is drawn.side,
        dice=_dice(knee, scene, volume),
        correlation=_correlation(knee, drawn),
        marks=tuple(mark.code for mark in knee.marks),
        oa_class=drawn.oa_class.value,
        oa_probability=knee.oa_probability,
    )


def _dice(knee: KneeResult, scene: Scene, volume: CTVolume) -> tuple[float, ...]:
    """Of each bone, on the analysis grid as far as it was scanned."""
    i, j, k = knee.bone_labels.shape[::-1]
    grid = np.stack(np.meshgrid(*map(np.arange, (k, j, i)), indexing="ij")[::-1], axis=-1)
    index = volume.to_index(apply(knee.affine, grid))
    scanned = ((index > -0.5) & (index < np.array(volume.size) - 0.5)).all(axis=-1)
    truth = np.where(scanned, label_on(scene, knee.affine, (i, j, k)), 0)
    pairs = [(knee.bone_labels == LABELS[part], truth == LABELS[part]) for part in Part]
    return tuple(float(2 * (a & b).sum() / max(1, a.sum() + b.sum())) for a, b in pairs)


def _correlation(knee: KneeResult, drawn: Knee) -> tuple[float, ...]:
    """Pearson's, of each parameter over the subregions."""
    measured = np.array([[each.values[p].value for p in Parameter] for each in knee.subregions])
    truth = np.array([patch_parameters(drawn, s.bone, np.array([s.centre]))[0] for s in knee.subregions])
    known = np.isfinite(truth).all(axis=1)
    return tuple(
        float(np.corrcoef(measured[known, c], truth[known, c])[0, 1]) for c in range(len(tuple(Parameter)))
    )
