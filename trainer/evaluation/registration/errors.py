"""Target registration error over known landmarks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array, apply
from trainer.patches.transforms import Transforms

Landmarks = dict[Bone, tuple[Array, Array]]
"""Of each bone the same points in CT and MR, (n, 3) LPS mm each."""


def read_landmarks(path: Path) -> Landmarks:
    """The landmarks of a drawn pair's truth.json."""
    found = json.loads(path.read_text(encoding="utf-8"))["landmarks"]
    return {
        bone: (
            np.array([found[bone]["ct"][name] for name in found[bone]["ct"]]),
            np.array([found[bone]["mr"][name] for name in found[bone]["ct"]]),
        )
        for bone in Bone
    }


def target_errors(transforms: Transforms, landmarks: Landmarks) -> list[float]:
    """Target registration error (mm) of every landmark, femur first."""
    return [
        float(error)
        for bone in Bone
        for error in np.linalg.norm(apply(transforms[bone], landmarks[bone][0]) - landmarks[bone][1], axis=1)
    ]
