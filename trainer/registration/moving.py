"""The MR at the resolutions that registration looks at it, its values as bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ctsma_node.volume import Array
from trainer.mr import MRVolume

F32 = npt.NDArray[np.float32]

LEVELS = ((3.0, 10, 12), (1.5, 24, 32), (0.9, 24, 32))
"""Of each level, coarse to fine: mm of its voxels, as far as whole blocks of the MR's own allow, and how many
bins the CT and the MR have there. The fewer points are asked, the fewer bins can be told apart."""
_OUTER = (0.5, 99.5)
"""Percentiles of the signal that the first and the last bin begin at."""


@dataclass(frozen=True, eq=False)
class Level:
    """`bins[k, j, i]` (float32, 0 to shape[1] - 1, with fractions) and `to_index`, LPS mm to (i, j, k).

    `shape` says how many bins the CT and the MR have in the joint histogram.
    """

    bins: F32
    to_index: Array
    shape: tuple[int, int]


def levels(mr: MRVolume) -> tuple[Level, ...]:
    """The MR averaged over blocks, coarse to fine."""
    return tuple(_binned(averaged(mr, step), (fixed, moving)) for step, fixed, moving in LEVELS)


def averaged(mr: MRVolume, step: float) -> MRVolume:
    """Means of blocks of voxels, of about `step` mm along each axis; a rest at the far ends is left out."""
    block = np.maximum(np.rint(step / mr.spacing), 1).astype(int)
    i, j, k = (int(n) for n in block)
    depth, height, width = (n // b for n, b in zip(mr.signal.shape, (k, j, i), strict=True))
    whole = mr.signal[: depth * k, : height * j, : width * i]
    means = whole.reshape(depth, k, height, j, width, i).mean(axis=(1, 3, 5), dtype=np.float32)
    affine = mr.affine @ np.diag([*block.astype(float), 1.0])
    affine[:3, 3] += mr.affine[:3, :3] @ ((block - 1) / 2.0)
    return MRVolume(np.ascontiguousarray(means), affine)


def _binned(mr: MRVolume, shape: tuple[int, int]) -> Level:
    low, high = np.percentile(mr.signal[::2, ::2, ::2], _OUTER)
    scale = (shape[1] - 1) / max(float(high - low), 1e-6)
    bins = np.clip((mr.signal - np.float32(low)) * np.float32(scale), 0, shape[1] - 1)
    return Level(bins.astype(np.float32, copy=False), np.asarray(np.linalg.inv(mr.affine)), shape)
