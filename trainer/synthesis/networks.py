"""Generators and critics. Images are (N, C, H, W); H and W are multiples of 4.

The critic is MONAI's PatchGAN. The residual generator is written here because MONAI's blocks have no
reflection padding, without which a generator learns the image's rim.
"""

from __future__ import annotations

import torch
from monai.networks.nets import PatchDiscriminator
from torch import Tensor, nn
from torch.nn import functional


def convolution(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Padded by reflection, so that the size is divided by the stride."""
    padding = (kernel - 1) // 2
    return nn.Conv2d(channels_in, channels_out, kernel, stride, padding, padding_mode="reflect")


def normalised(layer: nn.Module, channels: int) -> nn.Sequential:
    """A layer, instance normalisation and ReLU."""
    return nn.Sequential(layer, nn.InstanceNorm2d(channels), nn.ReLU(inplace=True))


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside the identity (Johnson et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            normalised(convolution(channels, channels, 3), channels),
            convolution(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x + self.body(x)  # type: ignore[no-any-return]


class Enlarge(nn.Module):
    """Twice the size by nearest neighbour, then a 3 x 3 convolution.

    A transposed convolution, as CycleGAN has, leaves a chequered pattern (Odena et al. 2016) of the size of
    trabeculae.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.convolution = convolution(channels_in, channels_out, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', 2 H, 2 W)."""
        return self.convolution(functional.interpolate(x, scale_factor=2.0))  # type: ignore[no-any-return]


class ResNetGenerator(nn.Module):
    """CycleGAN's generator (Zhu et al. 2017): twice halved, residual blocks, twice doubled, tanh.

    Width 64 with 9 blocks has 11.4 million weights, width 16 with 6 blocks half a million. With `detail` the
    last layer also sees the first one's features at full resolution, which the publication does not have.
    """

    def __init__(
        self, channels_in: int, channels_out: int, width: int, blocks: int, detail: bool = False
    ) -> None:
        super().__init__()
        w = width
        self.detail = detail
        self.first = normalised(convolution(channels_in, w, 7), w)
        self.inner = nn.Sequential(
            normalised(convolution(w, 2 * w, 3, 2), 2 * w),
            normalised(convolution(2 * w, 4 * w, 3, 2), 4 * w),
            *(ResidualBlock(4 * w) for _ in range(blocks)),
            normalised(Enlarge(4 * w, 2 * w), 2 * w),
            normalised(Enlarge(2 * w, w), w),
        )
        self.last = nn.Sequential(convolution(2 * w if detail else w, channels_out, 7), nn.Tanh())
        self.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        """The translated image, in (-1, 1)."""
        features: Tensor = self.first(x)
        deep: Tensor = self.inner(features)
        made: Tensor = self.last(torch.cat([features, deep], dim=1) if self.detail else deep)
        return made


class Critic(nn.Module):
    """PatchGAN (Isola et al. 2017) with a receptive field of 70 pixels, on the image and on halves of it.

    `scales` is 1 in CycleGAN and 3 in MUNIT.
    """

    def __init__(self, channels: int, width: int, scales: int = 1) -> None:
        super().__init__()
        self.at_scale = nn.ModuleList(
            PatchDiscriminator(2, width, channels, num_layers_d=3, norm="INSTANCE") for _ in range(scales)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """A map of scores (N, 1, h, w) for each scale; 1 is real."""
        scores = []
        for critic in self.at_scale:
            scores.append(critic(x)[-1])
            x = functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return scores


class Critics(nn.Module):
    """One critic of CTs and one of MRs, in one module: one forward pass, one optimiser."""

    def __init__(self, channels: int, width: int, scales: int = 1) -> None:
        super().__init__()
        self.ct, self.mr = Critic(channels, width, scales), Critic(channels, width, scales)

    def forward(self, ct: Tensor, mr: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The scores of both."""
        return self.ct(ct), self.mr(mr)


def initialise(module: nn.Module) -> None:
    """Normal weights of 0.02, as CycleGAN's."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def frozen(module: nn.Module) -> nn.Module:
    """A module that is used, and no longer trained."""
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return module.eval()
