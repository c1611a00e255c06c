"""Patients without images: the aggregator needs more of them than can be scanned.

A knee's bones are drawn and divided as in the node; the true parameters of every subregion stand in for the
student's, and the student's errors, as seen on held-out knees, are added in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ctsma_node.analysis.grid import SIZE, canonical, knee_affine
from ctsma_node.analysis.result import Bone, CartilageRegion, OAClass, Side
from trainer.phantom.ct import label_on
from trainer.phantom.scene import Scene, draw_scene
from trainer.phantom.subregions import Template, subregion_truth

_SHARES = (30, 25, 25)
"""Normal, mild, advanced, as in the paper's cohort (Table 1)."""


def drawn_class(seed: int) -> OAClass:
    """The class of a cohort's knee, in the paper's proportions."""
    at = np.random.default_rng([seed, 31]).random() * sum(_SHARES)
    return tuple(OAClass)[int(np.searchsorted(np.cumsum(_SHARES), at, side="right"))]


def knee_scene(seed: int) -> Scene:
    """One knee of a cohort."""
    side = Side.LEFT if np.random.default_rng([seed, 32]).random() < 0.5 else Side.RIGHT
    return draw_scene(seed, (side,), oa_class=drawn_class(seed))


def knee_labels(seed: int) -> dict[str, Any]:
    """Canonical bone labels of a cohort's knee."""
    scene = knee_scene(seed)
    affine = knee_affine(scene.knees[0].placement[:3, 3])
    return {"labels": canonical(label_on(scene, affine, SIZE, knee=0), scene.knees[0].side)}


@dataclass(frozen=True)
class KneeParameters:
    """Makes one knee's true parameters at its subregions; a value, so that it can be sent to a process."""

    templates: dict[Bone, Template]

    def __call__(self, seed: int) -> dict[str, Any]:
        """As `parameters_of`."""
        return parameters_of(knee_scene(seed), self.templates)


def parameters_of(scene: Scene, templates: dict[Bone, Template]) -> dict[str, Any]:
    """Of a scene's first knee: `truth` (200, 4), `positions` (200, 3) mm, `oa_class`, `cartilage` (5,)."""
    knee = scene.knees[0]
    bones = subregion_truth(scene, 0, templates).values()
    return {
        "truth": np.concatenate([bone.parameters for bone in bones]),
        "positions": np.concatenate([bone.positions for bone in bones]),
        "oa_class": np.array(tuple(OAClass).index(knee.oa_class)),
        "cartilage": np.array([knee.cartilage[r] for r in CartilageRegion]),
    }
