"""Measure the structure law on the field itself: `python -m trainer.phantom.calibrate` writes law.json.

Deterministic; some minutes on one core.
"""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt

from trainer.morphometry.direct import mean_thickness
from trainer.morphometry.local_thickness import thickness_map
from trainer.phantom.compiled import parallel, prange
from trainer.phantom.law import LAW_FILE
from trainer.phantom.texture import LADDER_RATIO, distance_from_core, fabric, tiles

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

BVTV = np.array([0.0, 0.01, 0.02, 0.03, 0.05, 0.07, *np.arange(0.1, 0.725, 0.025)]).round(3)
RODNESS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
WIDTH = np.array([0.01, 0.4, 0.8, 1.2, 1.6, 2.4, 3.2])
THICKNESS_BVTV = np.array([0.03, 0.06, 0.1, 0.14, 0.18, 0.22, 0.26, 0.3, 0.36, 0.42, 0.5, 0.6, 0.7])
VOXELS_PER_WAVELENGTH = 20
BLOCK = 80
MARGIN = 9
BINS = 16_000
"""Of the field's histogram, 0.0005 wide."""
BLENDS = (0.5,)
SHIFTS = (83.9,)


@parallel
def field_block(
    tile: F32,
    matrix: F64,
    step: float,
    size: int,
    log_wavelength: float,
    rodness: float,
    shift: float,
) -> F32:
    """Field on a cube of `size` points a side, `step` mm apart."""
    out = np.empty((size, size, size), dtype=np.float32)
    for k in prange(size):
        for j in range(size):
            for i in range(size):
                x, y, z = i * step, j * step, k * step
                u = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z
                v = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z
                w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z
                out[k, j, i] = distance_from_core(tile, u, v, w, log_wavelength, rodness, shift)
    return out


def threshold_for(counts: F64, values: F64, bvtv: float, width: float) -> float:
    """The threshold whose mean cover is `bvtv`, by bisection, for a field with this histogram."""
    low, high = 0.0, 6.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        cover = np.minimum(values + 0.5 * width, middle) - np.maximum(values - 0.5 * width, -middle)
        if counts @ np.maximum(cover, 0.0) / width < bvtv:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _thresholds() -> F64:
    table = np.zeros((BVTV.size, RODNESS.size, WIDTH.size))
    matrix = fabric(np.eye(3))
    for a, rodness in enumerate(RODNESS):
        # A step that is no simple fraction of the tile visits it evenly.
        parts = [
            field_block(tiles(), matrix, 0.371, 96, np.log(LADDER_RATIO) * blend, float(rodness), 7.0)
            for blend in (0.0, 0.25, 0.5, 0.75)
        ]
        counts, edges = np.histogram(np.concatenate([part.ravel() for part in parts]), BINS, (0.0, 8.0))
        shares, values = counts / counts.sum(), 0.5 * (edges[1:] + edges[:-1])
        for w, width in enumerate(WIDTH):
            for b, bvtv in enumerate(BVTV):
                wanted = threshold_for(shares, values, float(bvtv), float(width)) if bvtv > 0 else 0.0
                table[b, a, w] = wanted
    return table


def mean_local_thickness(phase: npt.NDArray[np.bool_], voxel: float) -> float:
    """Mean (mm) over cubic voxels, but for the MARGIN of them at every face, where spheres are cut."""
    core = np.zeros(phase.shape, dtype=np.bool_)
    core[MARGIN:-MARGIN, MARGIN:-MARGIN, MARGIN:-MARGIN] = True
    return mean_thickness(thickness_map(phase, (voxel, voxel, voxel)), core)


def lengths(
    bvtv: float, rodness: float, blend: float, shift: float, threshold: float | None = None
) -> tuple[float, float]:
    """Tb.Th and Tb.Sp over the wavelength in one block; the threshold is the block's own by default."""
    log_wavelength = np.log(0.6) + np.log(LADDER_RATIO) * (3 + blend)
    wavelength = float(np.exp(log_wavelength))
    voxel = wavelength / VOXELS_PER_WAVELENGTH
    field = field_block(tiles(), fabric(np.eye(3)), voxel, BLOCK, float(log_wavelength), rodness, shift)
    cut = float(np.quantile(field, bvtv)) if threshold is None else threshold
    bone = field < cut
    thickness, separation = (mean_local_thickness(phase, voxel) for phase in (bone, ~bone))
    return thickness / wavelength, separation / wavelength


def main() -> None:
    """Measure every entry and write the table."""
    thickness = np.zeros((THICKNESS_BVTV.size, RODNESS.size))
    separation = np.zeros_like(thickness)
    for b, bvtv in enumerate(THICKNESS_BVTV):
        for a, rodness in enumerate(RODNESS):
            runs = [
                lengths(float(bvtv), float(rodness), blend, shift) for blend in BLENDS for shift in SHIFTS
            ]
            thickness[b, a], separation[b, a] = np.mean(runs, axis=0)
    table = {
        "made_by": "python -m trainer.phantom.calibrate",
        "bvtv": BVTV.tolist(),
        "rodness": RODNESS.tolist(),
        "width": WIDTH.tolist(),
        "threshold": _thresholds().round(5).tolist(),
        "thickness_bvtv": THICKNESS_BVTV.tolist(),
        "thickness": thickness.round(5).tolist(),
        "separation": separation.round(5).tolist(),
    }
    LAW_FILE.write_text(json.dumps(table) + "\n")


if __name__ == "__main__":
    main()
