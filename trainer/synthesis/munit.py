"""MUNIT's auto-encoder (Huang et al. 2018): what an image shows (content) apart from how (style)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from trainer.synthesis.networks import Enlarge, ResidualBlock, convolution, initialise, normalised

STYLE = 8
"""Numbers in a style code."""
BLOCKS = 4
"""Residual blocks of the content encoder and of the decoder."""
_HIDDEN = 256


class AdaptiveNorm(nn.Module):
    """Instance normalisation whose scale and shift come from the style (AdaIN, Huang and Belongie 2017)."""

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """`x` (N, C, H, W), `scale` and `shift` (N, C)."""
        normal: Tensor = functional.instance_norm(x)
        return normal * (1.0 + scale[..., None, None]) + shift[..., None, None]


class AdaptiveBlock(nn.Module):
    """A residual block with two adaptive normalisations."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = convolution(channels, channels, 3), convolution(channels, channels, 3)
        self.norm = AdaptiveNorm()

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """`style` (N, 4, C): scale and shift of the first and of the second convolution."""
        inner = functional.relu(self.norm(self.first(x), style[:, 0], style[:, 1]))
        outer: Tensor = self.norm(self.second(inner), style[:, 2], style[:, 3])
        return x + outer


class ImageCoder(nn.Module):
    """Encoders of content and style and the decoder of one kind of image (CT or MR).

    Content is (N, 4 width, H / 4, W / 4), style (N, 8). The decoder normalises by layer after it enlarges, so
    that the style's means and variances survive.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        w = width
        self.content = nn.Sequential(
            normalised(convolution(channels, w, 7), w),
            normalised(convolution(w, 2 * w, 3, 2), 2 * w),
            normalised(convolution(2 * w, 4 * w, 3, 2), 4 * w),
            *(ResidualBlock(4 * w) for _ in range(BLOCKS)),
        )
        # No normalisation here: it would take out what a style is.
        steps = [(channels, w, 7, 1), (w, 2 * w, 3, 2), (2 * w, 4 * w, 3, 2), (4 * w, 4 * w, 3, 2)]
        self.style = nn.Sequential(
            *(nn.Sequential(convolution(*step), nn.ReLU(inplace=True)) for step in steps),
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(4 * w, STYLE, 1),
            nn.Flatten(),
        )
        self.decoder = StyledDecoder(channels, w)
        self.apply(initialise)

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Content and style."""
        return self.content(image), self.style(image)

    def decode(self, content: Tensor, style: Tensor) -> Tensor:
        """An image in (-1, 1)."""
        return self.decoder(content, style)  # type: ignore[no-any-return]


class StyledDecoder(nn.Module):
    """Content (N, 4 width, h, w) and style (N, 8) to an image (N, C, 4 h, 4 w) in (-1, 1)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        w = width
        self.width = w
        self.blocks = nn.ModuleList(AdaptiveBlock(4 * w) for _ in range(BLOCKS))
        self.norms = nn.Sequential(
            nn.Linear(STYLE, _HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(_HIDDEN, BLOCKS * 4 * 4 * w),
        )
        self.enlarge = nn.Sequential(
            Enlarge(4 * w, 2 * w),
            nn.GroupNorm(1, 2 * w),
            nn.ReLU(inplace=True),
            Enlarge(2 * w, w),
            nn.GroupNorm(1, w),
            nn.ReLU(inplace=True),
            convolution(w, channels, 7),
            nn.Tanh(),
        )

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        """The image."""
        norms = self.norms(style).view(len(style), BLOCKS, 4, 4 * self.width)
        x = content
        for n, block in enumerate(self.blocks):
            x = block(x, norms[:, n])
        return self.enlarge(x)  # type: ignore[no-any-return]
