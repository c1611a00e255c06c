from __future__ import annotations

import numpy as np
import pytest

from ctsma_node.analysis.grid import SPACING, knee_affine
from trainer.registration.texture import DEPTH, band_pass, correlation, texture_points


def test_correlation_is_pearsons_weighed_by_overlap() -> None:
    rng = np.random.default_rng(1)
    moving = rng.normal(size=(9, 10, 11)).astype(np.float32)
    k, j, i = (each.ravel() for each in np.indices((8, 9, 10)))
    points = np.stack([i, j, k], axis=1).astype(np.float32)
    values = (moving[k, j, i] + rng.normal(size=len(k))).astype(np.float32)
    expected = np.corrcoef(values, moving[k, j, i])[0, 1]
    assert correlation(points, values, np.eye(4)[:3], moving) == pytest.approx(expected, abs=1e-5)
    shifted = np.eye(4)[:3].copy()
    shifted[0, 3] = 5.0
    seen = i + 5 < 10
    part = np.corrcoef(values[seen], moving[k[seen], j[seen], i[seen] + 5])[0, 1] * seen.mean()
    assert correlation(points, values, shifted, moving) == pytest.approx(part, abs=1e-5)


def test_the_band_holds_no_level_and_no_slope() -> None:
    k, j, i = np.indices((30, 30, 30)).astype(np.float32)
    ramp = 400.0 + 7.0 * k - 3.0 * j + i
    band = band_pass(ramp, SPACING[::-1])
    assert np.abs(band[8:-8, 8:-8, 8:-8]).max() < 1e-2


def test_texture_is_taken_from_the_inside() -> None:
    mask = np.zeros((40, 40, 40), dtype=bool)
    mask[8:32, 8:32, 8:32] = True
    hu = np.where(mask, 300.0, -100.0).astype(np.float32)
    affine = knee_affine(np.zeros(3))
    found = texture_points(mask, hu, affine, 3000)
    assert len(found.points) == 3000
    index = (found.points + found.centre - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    assert index.min() > 8 + DEPTH - 1.5
    assert index.max() < 31 - DEPTH + 1.5
    # Bone of one density has no texture, whatever lies around it.
    assert np.abs(found.values).max() < 1e-3


def test_a_bone_without_an_inside_is_refused() -> None:
    thin = np.zeros((20, 20, 20), dtype=bool)
    thin[9:11] = True
    with pytest.raises(ValueError, match="too few"):
        texture_points(thin, thin.astype(np.float32), knee_affine(np.zeros(3)), 100)
