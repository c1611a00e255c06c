"""Each knee's own noise where its CT is shown as other protocols would have it, and other MR voxels."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from ctsma_node.analysis.grid import SIZE, canonical_affine, knee_affine
from ctsma_node.analysis.result import Bone, Side
from ctsma_node.volume import CTVolume, apply
from trainer.morphometry.calibration import shipped
from trainer.mr import MRVolume
from trainer.patches import labelling
from trainer.patches.labelling import Sampling
from trainer.patches.protocols import F32, PROTOCOLS
from trainer.patches.sites import Sites


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


def test_mr_of_other_voxels_is_labelled_by_the_calibration_that_is_given() -> None:
    rng = np.random.default_rng(0)
    texture = ndimage.gaussian_filter(rng.normal(size=(60, 160, 160)), (0.3, 1.2, 1.2))
    affine = np.diag([0.36, 0.36, 0.7, 1.0])
    affine[:3, 3] = -29.0, -29.0, -21.0
    signal = 700.0 + 100.0 * texture / texture.std() + rng.normal(0.0, 20.0, texture.shape)
    mr = MRVolume(np.abs(signal).astype(np.float32), affine)
    to_lps = canonical_affine(knee_affine([0.0, 0.0, 0.0]), Side.RIGHT)
    everywhere = np.ones(SIZE[::-1], dtype=np.bool_)
    centres = apply(np.asarray(np.linalg.inv(to_lps)), np.array([[0.0, 0.0, 0.0], [3.0, -2.0, 1.0]]))[:, ::-1]
    lps = apply(to_lps, centres[:, ::-1])
    sites = Sites(Bone.FEMUR, centres, lps, np.array([1, 2], dtype=np.uint8), everywhere, everywhere)
    seen = labelling._Seen(scan(1), np.zeros(SIZE[::-1], dtype=np.float32), to_lps)
    ours = replace(shipped(), voxel=(0.7, 0.36, 0.36))
    found = labelling._of_bone(sites, seen, mr, np.eye(4), Sampling(), ours)
    assert np.isfinite(found["label"]).all()
    assert np.isfinite(found["shifted_label"][:, :3]).all()
    with pytest.raises(ValueError, match=r"--pixel 0\.360 --slice 0\.700"):
        labelling._of_bone(sites, seen, mr, np.eye(4), Sampling(), None)
