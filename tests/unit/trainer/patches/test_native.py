from __future__ import annotations

import numpy as np

from ctsma_node.analysis.grid import SIZE, SPACING, knee_affine
from ctsma_node.volume import CTVolume, apply
from trainer.patches.native import SAMPLES, cut_native


def test_a_patch_shows_what_lies_at_its_place() -> None:
    """HU that say where they are: along x, y and z of LPS in turn."""
    affine = np.diag([0.4, 0.4, 0.5, 1.0])
    affine[:3, 3] = [-30.0, -30.0, -30.0]
    k, j, i = np.indices((120, 150, 150)).reshape(3, -1)
    lps = apply(affine, np.stack([i, j, k], axis=1))
    to_lps = knee_affine([0.0, 0.0, 0.0])
    centre = np.array([[(n - 1) / 2.0 for n in SIZE[::-1]]])
    middle = apply(to_lps, centre[:, ::-1])[0]
    # Canonical k runs to the patient's right, j down, i back.
    for axis, sign, step, along in (
        (0, -1.0, SPACING[2], 0),
        (2, -1.0, SPACING[1], 1),
        (1, 1.0, SPACING[0], 2),
    ):
        ct = CTVolume((100.0 * lps[:, axis]).reshape(120, 150, 150).astype(np.float32), affine)
        patch = cut_native(ct, centre, to_lps)[0]
        line = np.moveaxis(patch, along, 0)[:, SAMPLES // 2, SAMPLES // 2]
        wanted = middle[axis] + sign * (np.arange(SAMPLES) - (SAMPLES - 1) / 2.0) * step * 12.0 / SAMPLES
        np.testing.assert_allclose(line, 100.0 * wanted, atol=1.0)
