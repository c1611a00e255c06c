"""A third witness for registration: whether the bones that an sCT shows lie where the CT's went."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from ctsma_node.analysis.grid import SIZE
from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array
from trainer.mr import MRVolume
from trainer.registration.coarse import middle_of
from trainer.registration.knee import CTKnee
from trainer.registration.rigid import mean_rigid
from trainer.synthesis.refined import bones_of, dice
from trainer.synthesis.synthesise import Synthesiser


def mask_overlap(
    folder: Path, bundle: Path | None, knee: CTKnee, mr: MRVolume, transforms: dict[Bone, Array]
) -> dict[Bone, float]:
    """Dice of each bone's mask in the CT, moved by its transform (CT to MR, LPS mm), and in the sCT.

    `folder` holds a trained synthesis. It knows nothing of the texture, and hardly of the edges' strength:
    only of where a network that knows CTs sees bones.
    """
    model, analyser = _loaded(folder, bundle)
    centre = middle_of(knee.affine, SIZE)
    coarse = mean_rigid(transforms[Bone.FEMUR], transforms[Bone.TIBIA], _around(centre))
    _, labels = bones_of(model.volume(mr, coarse, centre), knee, analyser)
    back = np.linalg.inv(coarse)
    return {bone: dice(knee, labels, bone, back @ transform) for bone, transform in transforms.items()}


def _around(centre: Array) -> Array:
    """Corners of the joint's box: a motion half way between two is so for these."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    return np.asarray(centre + 40.0 * corners)


@cache
def _loaded(folder: Path, bundle: Path | None) -> tuple[Synthesiser, Analyser]:
    """Once for each process."""
    return Synthesiser.load(folder), Analyser.load(bundle, device="cpu", threads=1)
