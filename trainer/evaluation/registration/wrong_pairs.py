"""Pairs that must not be registered: another patient's MR, the other side's, parts of one, an implant."""

from __future__ import annotations

import numpy as np

from ctsma_node.volume import Array, CTVolume, apply
from trainer.mr import MRVolume

OTHER_PATIENT, OTHER_SIDE, IMPLANT = "other patient", "other side", "implant"
METAL_HU, METAL_RADIUS = 3071.0, 12.0
"""HU and mm of a ball of metal, 7 cm3: the smaller ones of knee implants."""
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
    IMPLANT,
)


def made_wrong(mr: MRVolume, kind: str) -> MRVolume:
    """An MR mirrored (OTHER_SIDE) or cut to one of CROPS."""
    return mirrored(mr) if kind == OTHER_SIDE else cropped(mr, *CROPS[kind])


def with_implant(ct: CTVolume, at: Array) -> CTVolume:
    """A CT with a ball of metal around a point (LPS mm)."""
    hu = ct.hu.copy()
    middle, reach = ct.to_index(at), METAL_RADIUS / ct.spacing
    low = np.maximum(np.floor(middle - reach), 0).astype(int)
    high = np.minimum(np.ceil(middle + reach) + 1, ct.size).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))
    k, j, i = np.indices(hu[box].shape)
    points = apply(ct.affine, np.stack([i, j, k], axis=-1) + low)
    hu[box][np.linalg.norm(points - at, axis=-1) <= METAL_RADIUS] = METAL_HU
    return CTVolume(hu, ct.affine)


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
