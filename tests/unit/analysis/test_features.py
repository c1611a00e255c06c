"""Texture statistics against direct computation, and what they must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ctsma_node.analysis.features import FEATURES, patch_features, structure

Patches = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture
def patches() -> Patches:
    rng = np.random.default_rng(0)
    hu = torch.from_numpy(rng.normal(250, 100, (3, 12, 12, 12)).astype(np.float32))
    mask = torch.from_numpy((rng.random((3, 12, 12, 12)) < 0.7).astype(np.float32))
    return hu, mask


def column(name: str) -> int:
    return FEATURES.index(name)


def test_first_order_statistics_are_numpys(patches: Patches) -> None:
    hu, mask = patches
    f = patch_features(hu, mask).numpy()
    for n in range(len(hu)):
        inside = hu[n].numpy()[mask[n].numpy() > 0] / 100
        assert f[n, column("mean")] == pytest.approx(inside.mean(), rel=1e-4)
        assert f[n, column("sd")] == pytest.approx(np.log(inside.std() + 1e-3), abs=1e-4)
        assert f[n, column("quantile 0.5")] == pytest.approx(
            np.quantile(inside, 0.5, method="nearest"), abs=0.01
        )
        assert f[n, column("mask fraction")] == pytest.approx(mask[n].mean().item())


def test_structure_function_is_the_mean_squared_difference(patches: Patches) -> None:
    hu, mask = patches
    x, m = hu[0].numpy(), mask[0].numpy() > 0
    both = m[:-2] & m[2:]
    expected = ((x[2:] - x[:-2])[both] ** 2).mean()
    assert structure(hu, mask, 1, 2)[0].item() == pytest.approx(expected, rel=1e-4)


def test_values_outside_the_mask_change_nothing(patches: Patches) -> None:
    hu, mask = patches
    other = torch.where(mask > 0, hu, torch.full_like(hu, -1024.0))
    assert torch.allclose(patch_features(hu, mask), patch_features(other, mask), atol=1e-4)


def test_a_batch_equals_its_patches_one_by_one(patches: Patches) -> None:
    hu, mask = patches
    one_by_one = torch.cat([patch_features(hu[n : n + 1], mask[n : n + 1]) for n in range(len(hu))])
    assert torch.allclose(patch_features(hu, mask), one_by_one, atol=1e-5)


def test_an_empty_mask_gives_numbers() -> None:
    f = patch_features(torch.zeros(1, 12, 12, 12), torch.zeros(1, 12, 12, 12))
    assert torch.isfinite(f).all()
