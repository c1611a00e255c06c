"""The known answer: trabecular parameters of the structure law at points and in patches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import Bone
from trainer.phantom.knee import Knee
from trainer.phantom.law import law
from trainer.phantom.structure import Channel, Part

F64 = npt.NDArray[np.float64]

PATCH_MM = (11.724, 11.724, 12.0)
"""12 x 12 x 12 voxels of the analysis grid (paper, section 4.5), along y, z and x of the patient."""
PATCH_POINTS = 6
"""Points along each side of a patch; 216 in all."""
LEAST_BVTV = 0.03
"""Below it there are no trabeculae to be thick or apart; only BV/TV counts such points."""


def _channels(knee: Knee, bone: Bone, points_lps: F64) -> F64:
    part = Part(bone.value)
    to_bone = np.linalg.inv(knee.poses[part])
    return knee.structures[part].at(points_lps @ to_bone[:3, :3].T + to_bone[:3, 3])


def _law(channels: F64) -> F64:
    wavelength = np.exp(channels[:, Channel.LOG_WAVELENGTH])
    return law().parameters(channels[:, Channel.BVTV], wavelength, channels[:, Channel.RODNESS])


def parameters_at(knee: Knee, bone: Bone, points_lps: F64) -> F64:
    """BV/TV, Tb.Th mm, Tb.Sp mm, Tb.N /mm (direct 3D definitions) at points (n, 3): (n, 4).

    NaN outside the trabecular part of the bone (cortex, other tissue). The four are those of a wide
    sample with the law of the point.
    """
    channels = _channels(knee, bone, np.asarray(points_lps, dtype=np.float64))
    out = _law(channels)
    out[_depth(channels) <= 0.0] = np.nan
    return out


def in_trabecular(knee: Knee, bone: Bone, points_lps: F64) -> npt.NDArray[np.bool_]:
    """Which points (n, 3) lie in the trabecular part of a bone and have trabeculae."""
    channels = _channels(knee, bone, np.asarray(points_lps, dtype=np.float64))
    return np.asarray((_depth(channels) > 0.0) & (channels[:, Channel.BVTV] >= LEAST_BVTV))


def _depth(channels: F64) -> F64:
    """Distance inwards from the endosteal surface, mm."""
    return np.asarray(-channels[:, Channel.DISTANCE] - channels[:, Channel.CORTEX])


def patch_parameters(
    knee: Knee, bone: Bone, centres_lps: F64, size_mm: tuple[float, float, float] = PATCH_MM
) -> F64:
    """Mean of the four parameters over patches about centres (n, 3): (n, 4).

    `size_mm` along the analysis grid's i, j, k, that is along y, z and x. Means are over the points of
    the patch that lie in the trabecular part (Tb.Th, Tb.Sp, Tb.N: those with BV/TV of at least 0.03);
    NaN where there is none.
    """
    centres = np.asarray(centres_lps, dtype=np.float64)
    ticks = (np.arange(PATCH_POINTS) + 0.5) / PATCH_POINTS - 0.5
    y, z, x = (ticks * side for side in size_mm)
    grid = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
    points = (centres[:, None, :] + grid).reshape(-1, 3)
    channels = _channels(knee, bone, points)
    values = _law(channels).reshape(len(centres), -1, 4)
    inside = (_depth(channels) > 0.0).reshape(len(centres), -1, 1)
    dense = inside & (values[..., :1] >= LEAST_BVTV)
    use = np.concatenate([inside, dense, dense, dense], axis=-1)
    count = use.sum(axis=1)
    total = np.where(use, values, 0.0).sum(axis=1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))
