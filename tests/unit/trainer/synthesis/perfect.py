"""A synthesis that is right: the made-up knee's CT as its MR has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array, CTVolume, apply
from tests.unit.trainer.registration.knees import Knee, ct_of, moved
from trainer.mr import MRVolume
from trainer.synthesis.synthesise import Synthesiser


class Perfect(Synthesiser):
    """Shows each bone of the CT as the MR has it, with no network at all."""

    def __init__(self) -> None:
        pass

    def volume(self, mr: MRVolume, ct_to_mr: Array, centre: Array) -> CTVolume:
        knee = ct_of(Knee(1))
        return CTVolume(warped(knee.hu, knee.affine, ct_to_mr), knee.affine)


def warped(values: npt.NDArray[Any], affine: Array, coarse: Array) -> npt.NDArray[Any]:
    """Femur above the joint, tibia below it."""
    k, j, i = np.indices(values.shape).reshape(3, -1)
    lps = apply(affine, np.stack([i, j, k], axis=1))
    out = np.zeros(len(lps), dtype=values.dtype)
    at_mr = apply(coarse, lps)
    for bone, upper in ((Bone.FEMUR, True), (Bone.TIBIA, False)):
        own = apply(np.asarray(np.linalg.inv(moved(bone))), at_mr)
        index = apply(np.asarray(np.linalg.inv(affine)), own).T[::-1]
        order = 0 if values.dtype == np.uint8 else 1
        sampled = ndimage.map_coordinates(values, index, order=order, mode="nearest")
        half = (own[:, 2] > -30.0) == upper
        out[half] = sampled[half]
    return out.reshape(values.shape)


class Bones:
    """An analyser whose segmenter is never asked."""

    bundle = type("Bundle", (), {"segmenter": None})
    device = "cpu"
