"""Patches at the resolution that a CT was reconstructed with: the paper's protocol acquires 0.27 x 0.27 mm
every 0.3 mm, before it is brought to 1 mm."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ctsma_node.analysis.patches import PATCH
from ctsma_node.volume import Array, CTVolume, apply

SAMPLES = 36
"""Along each axis of the patch's 12 voxels: 0.326 x 0.326 x 0.333 mm."""


def cut_native(ct: CTVolume, centres: Array, to_lps: Array) -> npt.NDArray[np.int16]:
    """HU (n, 36, 36, 36) around sites, linear between voxels; beyond the scan its outermost voxels.

    `centres` (n, 3) are canonical (k, j, i) of the analysis grid, `to_lps` brings its (i, j, k) to LPS mm.
    """
    steps = (np.arange(SAMPLES) - (SAMPLES - 1) / 2.0) * (PATCH / SAMPLES)
    k, j, i = np.meshgrid(steps, steps, steps, indexing="ij")
    to_index = np.linalg.inv(ct.affine) @ to_lps
    offsets = (np.stack([i, j, k], axis=-1) @ to_index[:3, :3].T)[..., ::-1]
    out = np.empty((len(centres), SAMPLES, SAMPLES, SAMPLES), dtype=np.int16)
    for n, middle in enumerate(apply(np.asarray(to_index), centres[:, ::-1])):
        at = np.moveaxis(offsets + middle[::-1], -1, 0)
        out[n] = np.rint(ndimage.map_coordinates(ct.hu, at, order=1, mode="nearest", output=np.float32))
    return out
