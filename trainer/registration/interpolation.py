"""Trilinear interpolation for compiled kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.phantom.compiled import inlined

F32 = npt.NDArray[np.float32]


@inlined
def trilinear(volume: F32, i: float, j: float, k: float) -> float:
    """`volume[k, j, i]` at an index that is not negative and below each axis's last."""
    a, b, c = int(i), int(j), int(k)
    fi, fj, fk = i - a, j - b, k - c
    near = (1.0 - fj) * (volume[c, b, a] + fi * (volume[c, b, a + 1] - volume[c, b, a])) + fj * (
        volume[c, b + 1, a] + fi * (volume[c, b + 1, a + 1] - volume[c, b + 1, a])
    )
    c += 1
    far = (1.0 - fj) * (volume[c, b, a] + fi * (volume[c, b, a + 1] - volume[c, b, a])) + fj * (
        volume[c, b + 1, a] + fi * (volume[c, b + 1, a + 1] - volume[c, b + 1, a])
    )
    return float(near + fk * (far - near))
