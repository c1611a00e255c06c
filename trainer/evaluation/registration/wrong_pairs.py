"""Pairs that must not be registered: another patient's MR, the other side's, parts of the right one."""

from __future__ import annotations

import numpy as np

from trainer.mr import MRVolume

OTHER_PATIENT, OTHER_SIDE = "other patient", "other side"
CROPS = {
    "upper half": ((0.0, 1.0), (0.0, 0.5)),
    "lower half": ((0.0, 1.0), (0.5, 1.0)),
    "one compartment": ((0.0, 0.5), (0.0, 1.0)),
}
"""Of a sagittal MR: the shares of its slices (k) and of its rows (j) between which it is left."""
WRONG = (
    OTHER_PATIENT,
    OTHER_SIDE,
    OTHER_PATIENT,
    "upper half",
    OTHER_PATIENT,
    "one compartment",
    "lower half",
)


def made_wrong(mr: MRVolume, kind: str) -> MRVolume:
    """An MR mirrored (OTHER_SIDE) or cut to one of CROPS."""
    return mirrored(mr) if kind == OTHER_SIDE else cropped(mr, *CROPS[kind])


def mirrored(mr: MRVolume) -> MRVolume:
    """The same frame with the picture of a sagittal MR reversed left to right: the other knee."""
    return MRVolume(np.ascontiguousarray(mr.signal[::-1]), mr.affine)


def cropped(mr: MRVolume, k: tuple[float, float], j: tuple[float, float]) -> MRVolume:
    """The part of an MR between shares of its slices and of its rows; each voxel stays where it is."""
    depth, height, _ = mr.signal.shape
    k0, k1, j0, j1 = (
        round(share * n) for n, share in ((depth, k[0]), (depth, k[1]), (height, j[0]), (height, j[1]))
    )
    affine = mr.affine.copy()
    affine[:3, 3] = mr.to_lps([0, j0, k0])
    return MRVolume(np.ascontiguousarray(mr.signal[k0:k1, j0:j1]), affine)
