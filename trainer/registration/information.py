"""Mutual information of CT points and the MR under them, in bits, as a compiled kernel.

Points outside the MR are left out of the histogram, and the information is weighed by the share that is
inside: otherwise a pose that shows the MR only a few points of one kind would be a good one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.phantom.compiled import serial
from trainer.registration.interpolation import trilinear

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

FIXED_BINS = 24
"""Bins of the CT; a level of the MR says into how many they are joined and how many its own are."""


@serial
def count(points: F32, bins: U8, mapping: F64, moving: F32, histogram: F64) -> int:
    """Add each point that lies in `moving` to `histogram` (f, m); how many do.

    `mapping` (3, 4) takes points (n, 3) to indices (i, j, k) of `moving[k, j, i]`, whose values are bins
    already (0 to m - 1, with fractions). Trilinear; a value between two bins is shared by them. The
    FIXED_BINS of the points are joined into f.
    """
    depth, height, width = moving.shape
    rows, columns = histogram.shape
    inside = 0
    for n in range(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        i = mapping[0, 0] * x + mapping[0, 1] * y + mapping[0, 2] * z + mapping[0, 3]
        j = mapping[1, 0] * x + mapping[1, 1] * y + mapping[1, 2] * z + mapping[1, 3]
        k = mapping[2, 0] * x + mapping[2, 1] * y + mapping[2, 2] * z + mapping[2, 3]
        if i < 0.0 or j < 0.0 or k < 0.0 or i >= width - 1 or j >= height - 1 or k >= depth - 1:
            continue
        value = trilinear(moving, i, j, k)
        column = min(int(value), columns - 2)
        share = value - column
        row = bins[n] * rows // FIXED_BINS
        histogram[row, column] += 1.0 - share
        histogram[row, column + 1] += share
        inside += 1
    return inside


@serial
def information(histogram: F64) -> float:
    """Mutual information of a joint histogram, in bits."""
    total = histogram.sum()
    if total <= 0.0:
        return 0.0
    rows = np.zeros(histogram.shape[0])
    columns = np.zeros(histogram.shape[1])
    for f in range(histogram.shape[0]):
        for m in range(histogram.shape[1]):
            rows[f] += histogram[f, m]
            columns[m] += histogram[f, m]
    out = 0.0
    for f in range(histogram.shape[0]):
        for m in range(histogram.shape[1]):
            both = histogram[f, m]
            if both > 0.0:
                out += both * np.log2(both * total / (rows[f] * columns[m]))
    return float(out / total)


@serial
def agreement(
    points: F32, bins: U8, mapping: F64, moving: F32, shape: tuple[int, int], share: float
) -> float:
    """Mutual information over `shape` (f, m) bins times the share of the points that are inside.

    A share above `share` counts as whole: the field of view of an MR need not hold all of the shafts.
    """
    histogram = np.zeros(shape)
    inside = count(points, bins, mapping, moving, histogram) / points.shape[0]
    return float(information(histogram) * min(inside / share, 1.0))
