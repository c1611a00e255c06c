"""Mutual information against what is known of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from trainer.synthesis.information import mutual_information


def correlated(r: float, spread: float = 0.25, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two images whose values are normal with correlation `r`."""
    generator = torch.Generator().manual_seed(seed)
    first, other = torch.randn(2, 1, 1, 160, 160, generator=generator).unbind()
    second = r * first + (1.0 - r * r) ** 0.5 * other
    return spread * first, spread * second


@pytest.mark.parametrize("r", [0.0, 0.5, 0.8, 0.95])
def test_normal_values_give_the_analytic_information(r: float) -> None:
    """-log(1 - r^2) / 2, of the correlation that is left after the window has blurred the values."""
    spread, bins = 0.25, 32
    blur = 0.5 * 2.0 / (bins - 1)  # half a bin
    left = r / (1.0 + (blur / spread) ** 2)
    found = float(mutual_information(*correlated(r, spread), bins))
    bias = (bins - 1) ** 2 * 0.25 / (2 * 160 * 160)  # Miller and Madow, of the bins in use
    assert found == pytest.approx(-0.5 * np.log(1.0 - left**2) + bias, abs=0.03)


def test_more_bins_come_nearer_to_the_information_itself() -> None:
    images, exact = correlated(0.9), -0.5 * np.log(1.0 - 0.81)
    few, many = (abs(float(mutual_information(*images, bins)) - exact) for bins in (12, 48))
    assert many < 0.1 < few


def test_a_histogram_gives_the_same() -> None:
    """Images of four values, far apart: the window has nothing to blur."""
    rng = np.random.default_rng(3)
    levels = np.linspace(-1.0, 1.0, 16)[[1, 6, 9, 14]]
    first = rng.integers(4, size=(64, 64))
    second = np.where(rng.random((64, 64)) < 0.7, first, rng.integers(4, size=(64, 64)))
    joint = np.histogram2d(first.ravel(), second.ravel(), bins=4)[0] / first.size
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    exact = float((joint * np.log(joint / apart)).sum())
    one, other = (torch.from_numpy(levels[each])[None, None].float() for each in (first, second))
    assert float(mutual_information(one, other, 16)) == pytest.approx(exact, abs=0.01)


def test_the_whole_range_counts() -> None:
    """Negative values are told apart as positive ones are: a window made for [0, 1] would not see them."""
    first, second = correlated(0.9, 0.1)
    low, high = (float(mutual_information(first + at, second + at)) for at in (-0.5, 0.5))
    assert low == pytest.approx(high, abs=0.02)
    assert low > 0.3


def test_inverted_contrast_shares_as_much() -> None:
    first, second = correlated(0.8)
    assert float(mutual_information(first, -second)) == pytest.approx(
        float(mutual_information(first, second)), abs=1e-3
    )


def test_climbing_it_brings_the_anatomy_back() -> None:
    image = correlated(0.0)[0].clamp(-1, 1)[..., :48, :48]
    other = (0.05 * torch.randn(image.shape, generator=torch.Generator().manual_seed(5))).requires_grad_()
    optimiser = torch.optim.Adam([other], lr=0.02)
    before = float(mutual_information(image, other).detach())
    for _ in range(25):
        optimiser.zero_grad()
        (-mutual_information(image, other)).backward()
        optimiser.step()
    assert float(mutual_information(image, other).detach()) > before + 0.5


def test_half_precision_does_not_lose_it() -> None:
    first, second = correlated(0.8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        halved = mutual_information(first.bfloat16(), second.bfloat16())
    assert halved.dtype == torch.float32
    assert float(halved) == pytest.approx(float(mutual_information(first, second)), abs=0.02)


def test_images_of_other_sizes_are_an_error() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        mutual_information(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 9))
