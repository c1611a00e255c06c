"""The marrow reference of one bone of one subject: what the signal would be at each point without bone.

MR signal has no unit, and a surface coil makes it fall off over the knee. A threshold or a percentile in each
patch throws the mean away, which is BV/TV. Here every patch of the bone says, by its texture, how much marrow
signal bone has taken from it; a smooth field through all of them is the reference for each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.morphometry.autocorrelation import Autocorrelation, autocorrelation
from trainer.morphometry.calibration import Calibration, shipped
from trainer.morphometry.distance import F32, Mask
from trainer.morphometry.noise import Noise, noise_of
from trainer.morphometry.patches import blocks, voxel_of
from trainer.mr import MRVolume

F64 = npt.NDArray[np.float64]

STRIDE_MM = 7.0
"""Distance of the blocks: they overlap, so that the field hangs on no single one."""
LEAST_BLOCKS = 15
"""With fewer, the field is a constant: ten terms would follow the noise."""
SCALE_MM = 40.0
_TUNING = 1.345
_ROUNDS = 10


@dataclass(frozen=True, eq=False)
class SubjectReference:
    """log marrow signal = `terms` (10,) over 1, u, v, w and their products, (u, v, w) = (LPS - centre) / 40
    mm.

    `noise` is in units of the signal; `spread` is the standard deviation of the blocks
    about the field, in log units: 0.02 to 0.06 where all is well.
    """

    terms: F64
    centre: F64
    noise: Noise
    spread: float

    def marrow_at(self, points_lps: npt.ArrayLike) -> F64:
        """Signal of pure marrow at points (..., 3) LPS mm."""
        return np.asarray(np.exp(_terms(np.asarray(points_lps, dtype=np.float64), self.centre) @ self.terms))


def fit_reference(mr: MRVolume, bone_mask: Mask, calibration: Calibration | None = None) -> SubjectReference:
    """Fit the marrow field to the trabecular region of one bone, `bone_mask` [k, j, i] on the MR's grid.

    Raises ValueError where the voxels are not those of the calibration, or the region holds no patch.
    """
    law = calibration or shipped()
    voxel = voxel_of(mr.affine)
    law.check_voxel(voxel)
    noise = noise_of(mr.signal, bone_mask)
    points, measured = block_statistics(mr, bone_mask, noise)
    if not measured:
        raise ValueError("the trabecular region holds no patch: is the mask on the MR's grid?")
    level = np.array([np.log(one.mean) + law.log_attenuation(one) for one in measured])
    return field_through(points, level, noise)


def block_statistics(mr: MRVolume, region: Mask, noise: Noise) -> tuple[F64, list[Autocorrelation]]:
    """Centres (n, 3) LPS mm and statistics, in units of the signal, of overlapping patches of a region."""
    voxel = voxel_of(mr.affine)
    found = list(blocks(region, voxel, STRIDE_MM))
    measured = [autocorrelation(mr.signal[box], region[box], voxel, noise) for _, box in found]
    points = [mr.to_lps(centre[::-1]) for centre, _ in found]
    return np.reshape(points, (-1, 3)), measured


def field_through(points: F64, level: F64, noise: Noise) -> SubjectReference:
    """A quadratic through log marrow `level` (n,) at `points` (n, 3) by Huber's robust least squares."""
    centre = points.mean(axis=0)
    design = _terms(points, centre)
    if len(level) < LEAST_BLOCKS:
        design = design[:, :1]
    weight = np.ones(len(level))
    for _ in range(_ROUNDS):
        root = np.sqrt(weight)
        terms = np.linalg.lstsq(design * root[:, None], level * root, rcond=None)[0]
        rest = np.abs(level - design @ terms)
        spread = max(float(np.median(rest)) / 0.6745, 1e-6)
        weight = np.minimum(1.0, _TUNING * spread / np.maximum(rest, 1e-9))
    return SubjectReference(np.pad(terms, (0, 10 - len(terms))), centre, noise, spread)


def fraction_map(mr: MRVolume, reference: SubjectReference, region: Mask) -> F32:
    """Bone volume fraction 0..1 of every voxel of a region [k, j, i], 0 outside it.

    1 - S / marrow, S the magnitude with the noise's share taken off its square (Gudbjartsson and Patz 1995,
    Magn Reson Med 34: 910-914). Bone counts as dark: it gives 4 % of marrow's signal at most.
    """
    out = np.zeros(mr.signal.shape, dtype=np.float32)
    k, j, i = np.nonzero(region)
    marrow = reference.marrow_at(mr.to_lps(np.stack([i, j, k], axis=1)))
    power = np.square(mr.signal[k, j, i], dtype=np.float64) - reference.noise.level**2
    out[k, j, i] = np.clip(1.0 - np.sqrt(np.maximum(power, 0.0)) / marrow, 0.0, 1.0)
    return out


def _terms(points: F64, centre: F64) -> F64:
    """(..., 10): 1, u, v, w, u^2, v^2, w^2, uv, uw, vw."""
    u, v, w = np.moveaxis((points - centre) / SCALE_MM, -1, 0)
    return np.stack([np.ones_like(u), u, v, w, u * u, v * v, w * w, u * v, u * w, v * w], axis=-1)
