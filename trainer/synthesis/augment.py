"""Geometric augmentation that both images of a pair undergo alike (paper, section 4.2; preprint, Table S1).

What is drawn and what is done with it are apart, so that one draw can serve two images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from trainer.synthesis.grid import NOTHING

TURN = 12.0
"""Degrees, either way."""
SHIFT = 0.08
"""Of the image's width, either way."""
ZOOM = 0.1
"""The magnification is 1 +- ZOOM."""


@dataclass(frozen=True)
class Motion:
    """What happens to the stacks of a batch: `plane` (N, 2, 3) and `reversed_stack` (N,)."""

    plane: Tensor
    """Where each pixel comes from, in the coordinates of torch.nn.functional.affine_grid."""
    reversed_stack: Tensor
    """Whether the slices change their order, as in a knee of the other side."""


def draw_motion(count: int, rng: np.random.Generator) -> Motion:
    """Turned, shifted, zoomed, and flipped in half of the stacks along each axis."""
    angle = np.deg2rad(rng.uniform(-TURN, TURN, count))
    scale = 1.0 + rng.uniform(-ZOOM, ZOOM, count)
    flip = rng.choice([-1.0, 1.0], (count, 2))
    plane = np.empty((count, 2, 3))
    plane[:, 0, :2] = np.stack([np.cos(angle), -np.sin(angle)], axis=1) * (flip[:, :1] / scale[:, None])
    plane[:, 1, :2] = np.stack([np.sin(angle), np.cos(angle)], axis=1) * (flip[:, 1:] / scale[:, None])
    plane[:, :, 2] = 2.0 * rng.uniform(-SHIFT, SHIFT, (count, 2))
    return Motion(torch.from_numpy(plane).float(), torch.from_numpy(rng.random(count) < 0.5))


def apply_motion(images: Tensor, motion: Motion) -> Tensor:
    """The moved stacks; what comes into sight is NOTHING. `images` (N, C, H, W)."""
    grid = functional.affine_grid(motion.plane, list(images.shape), align_corners=False)
    moved = functional.grid_sample(images - NOTHING, grid, align_corners=False) + NOTHING
    return torch.where(motion.reversed_stack[:, None, None, None], moved.flip(1), moved)
