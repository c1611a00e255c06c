"""The losses, one small function each. Images are (N, C, H, W) in [-1, 1]; every loss is a scalar.

Scores may come in half precision; losses are always in single precision.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.synthesis.settings import STACK

Scores = list[Tensor]
"""A critic's maps of scores (N, 1, h, w), one for each scale it looks at."""


def mean_of(losses: list[Tensor]) -> Tensor:
    """The mean of scalars."""
    return torch.stack(losses).mean()


def seems_real(scores: Scores) -> Tensor:
    """Least squares from 1 (LSGAN, Mao et al. 2017): what a generator lowers."""
    return mean_of([(each.float() - 1.0).square().mean() for each in scores])


def told_apart(real: Scores, translated: Scores) -> Tensor:
    """Least squares of real from 1 and of translated from 0, halved: what a critic lowers."""
    return 0.5 * (seems_real(real) + mean_of([each.float().square().mean() for each in translated]))


def beside_the_pair(images: dict[str, Tensor]) -> Tensor:
    """L1 of each translated image and the pair's own of that kind, whose bones lie millimetres elsewhere."""
    kinds = [(images[f"fake_{kind}"], images[f"real_{kind}"]) for kind in ("ct", "mr")]
    return mean_of([(fake[:, :STACK] - real[:, :STACK]).abs().mean() for fake, real in kinds])


def difference(first: Tensor, second: Tensor, channel_weights: Tensor | None = None) -> Tensor:
    """Mean absolute difference; `channel_weights` (C,) are shares of 1 on average."""
    apart = (first - second).abs()
    if channel_weights is None:
        return apart.mean()
    shares = channel_weights / channel_weights.mean()
    return (apart.mean(dim=(0, 2, 3)) * shares).mean()
