"""Each knee's own noise where its CT is shown as other protocols would have it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ctsma_node.analysis.grid import SIZE, knee_affine
from ctsma_node.analysis.result import Side
from ctsma_node.volume import CTVolume
from trainer.patches import labelling
from trainer.patches.protocols import F32, PROTOCOLS


@pytest.fixture(autouse=True)
def one_noisier_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelling, "PROTOCOLS", PROTOCOLS[:1])
    monkeypatch.setattr(labelling, "drawn_protocols", lambda seed: ())


def scan(number: int) -> CTVolume:
    """Of coarse voxels, with hardly any noise of its own: what is added is what is seen."""
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -80.0
    hu = np.full((40, 40, 40), 50.0, dtype=np.float32)
    hu[::4] += np.random.default_rng(number).normal(0.0, 0.1, (10, 40, 40)).astype(np.float32)
    return CTVolume(hu, affine)


def shown(ct: CTVolume, side: Side) -> F32:
    bones = np.zeros(SIZE[::-1], dtype=np.uint8)
    bones[40:50, 70:80, 70:80] = 1
    knee: Any = SimpleNamespace(affine=knee_affine([0.0, 0.0, 0.0]), bone_labels=bones, side=side)
    return labelling._others(ct, knee, 0)[0]


def correlation(first: F32, second: F32) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def test_no_two_knees_share_their_noise() -> None:
    first, again, other = (shown(scan(number), Side.RIGHT) for number in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.std() > 1.0
    assert abs(correlation(first, other)) < 0.1
    beside = shown(scan(1), Side.LEFT)
    assert abs(correlation(first, beside)) < 0.1
    assert abs(correlation(first, beside[..., ::-1])) < 0.1
