from __future__ import annotations

import numpy as np

from ctsma_node.volume import CTVolume
from trainer.evaluation.registration.wrong_pairs import METAL_HU, METAL_RADIUS, with_implant


def test_an_implant_is_a_ball_at_its_place() -> None:
    affine = np.diag([0.8, 0.8, 1.5, 1.0])
    affine[:3, 3] = [-20.0, 5.0, 100.0]
    plain = CTVolume(np.zeros((60, 90, 80), dtype=np.float32), affine)
    at = plain.to_lps([40.0, 45.0, 30.0])
    metal = with_implant(plain, at).hu == METAL_HU
    volume = metal.sum() * 0.8 * 0.8 * 1.5
    assert abs(volume / (4.0 / 3.0 * np.pi * METAL_RADIUS**3) - 1.0) < 0.05
    np.testing.assert_allclose(np.argwhere(metal).mean(axis=0)[::-1], [40.0, 45.0, 30.0], atol=0.1)
    assert plain.hu.max() == 0.0
