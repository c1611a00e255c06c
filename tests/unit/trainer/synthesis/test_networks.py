"""Sizes of what goes in and comes out, and that styles and contents are what they are called."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.unit.trainer.synthesis.scenes import PIXELS, settings
from trainer.synthesis.munit import ImageCoder
from trainer.synthesis.networks import Critic, ResNetGenerator
from trainer.synthesis.settings import PRESETS, Method, preset
from trainer.synthesis.systems import build

N = 2


@pytest.mark.parametrize("detail", [False, True])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (20, 36)])
def test_a_generator_keeps_the_size_and_the_range(height: int, width: int, detail: bool) -> None:
    made = ResNetGenerator(4, 3, 4, 2, detail)(torch.randn(N, 4, height, width))
    assert made.shape == (N, 3, height, width)
    assert float(made.detach().abs().max()) < 1.0


def test_the_full_generator_has_the_published_size() -> None:
    """11.4 million: https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix, resnet_9blocks of 64."""
    full = preset("full", Method.SPSNET)
    with torch.device("meta"):
        network = ResNetGenerator(3, 3, full.width, full.blocks, full.detail)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(11.4, abs=0.05)


def test_a_critic_scores_patches_at_each_scale() -> None:
    scores = Critic(3, 4, scales=3)(torch.randn(N, 3, 128, 128))
    assert [tuple(each.shape) for each in scores] == [(N, 1, 14, 14), (N, 1, 6, 6), (N, 1, 2, 2)]


def test_a_critic_sees_seventy_pixels() -> None:
    field = 1
    for layer in reversed([each for each in Critic(3, 4).modules() if isinstance(each, nn.Conv2d)]):
        field = (field - 1) * layer.stride[0] + layer.kernel_size[0]
    assert field == 70


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("edges", [False, True])
def test_every_system_translates_and_gives_its_critics_what_they_take(method: Method, edges: bool) -> None:
    if edges and method is Method.MUNIT:
        with pytest.raises(ValueError, match="edge channel"):
            settings(method, edges=True)
        with pytest.raises(ValueError, match="details"):
            settings(method, detail=True)
        return
    translators, critics = build(settings(method, edges=edges))
    mr, ct = torch.rand(2, N, 3, PIXELS, PIXELS)
    images = translators(mr, ct, translators.noise_for(N, torch.Generator()))
    scores = critics(images["fake_ct"], images["real_mr"])
    assert images["fake_ct"].shape == images["real_ct"].shape == (N, 4 if edges else 3, PIXELS, PIXELS)
    assert translators.translate(mr).shape == mr.shape
    losses = translators.objective(images, *scores)
    assert all(each.ndim == 0 and each.requires_grad for each in losses.values())
    assert ("information" in losses) == (method is Method.SPSNET)


def test_a_style_changes_the_look_and_the_content_the_place() -> None:
    torch.manual_seed(0)
    coder = ImageCoder(3, 4)
    for parameter in coder.parameters():
        parameter.data.mul_(8.0)  # the published start is nearly flat
    image = torch.rand(1, 3, PIXELS, PIXELS)
    content, style = coder.encode(image)
    assert content.shape == (1, 16, PIXELS // 4, PIXELS // 4)
    assert style.shape == (1, 8)
    one, other = coder.decode(content, style), coder.decode(content, style + 2.0)
    assert float((one - other).detach().abs().mean()) > 1e-3
    assert torch.equal(one, coder.decode(content, style))


@pytest.mark.parametrize("name", PRESETS)
def test_presets_keep_the_methods_apart(name: str) -> None:
    spsnet, cyclegan, munit = (preset(name, method) for method in Method)
    assert spsnet.rate == cyclegan.rate == 2.0 * munit.rate
    assert spsnet.weights.cycle > max(spsnet.weights.information_to_ct, spsnet.weights.adversarial)
    assert spsnet.weights.information_to_ct > spsnet.weights.information_to_mr > 0.0
    assert cyclegan.weights.information_to_ct == 0.0
    assert len({each.steps for each in (spsnet, cyclegan, munit)}) == 1


def test_the_full_preset_is_the_papers() -> None:
    full = preset("full", Method.SPSNET)
    assert (full.rate, full.batch, full.pixels, full.paired_steps) == (2e-4, 4, 320, 0)


@pytest.mark.parametrize(("pixels", "batch", "said"), [(30, 2, "multiple of 4"), (32, 0, "at least 1")])
def test_sizes_that_cannot_be_are_an_error(pixels: int, batch: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(settings(), pixels=pixels, batch=batch)
