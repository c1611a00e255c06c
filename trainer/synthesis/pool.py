"""The image pool: a critic also sees what was translated earlier (Shrivastava et al. 2017; CycleGAN)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class ImagePool:
    """Up to `size` translated images, (n, C, H, W) in `images`."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.images: Tensor | None = None

    def exchange(self, images: Tensor, rng: np.random.Generator) -> Tensor:
        """Images (N, C, H, W) for the critic: each is, at even odds, one from the pool, whose place it takes.

        Until the pool is full, every image is kept and shown.
        """
        if self.size == 0:
            return images
        return torch.stack([self._one(image, rng) for image in images.detach()])

    def _one(self, image: Tensor, rng: np.random.Generator) -> Tensor:
        held = 0 if self.images is None else len(self.images)
        if self.images is None or held < self.size:
            before = image[None][:0] if self.images is None else self.images
            self.images = torch.cat([before, image[None]])
            return image
        if rng.random() < 0.5:
            return image
        at = int(rng.integers(held))
        earlier = self.images[at].clone()
        self.images[at] = image
        return earlier
