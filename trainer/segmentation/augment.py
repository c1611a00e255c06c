"""Augmentation that lets networks trained on drawn bones read real ones: shape, contrast, noise, blur.

Geometry and blur are MONAI's; the change of contrast is ours, since HU have a meaning that gamma curves do
not keep: soft tissue, marrow and bone move apart or together, air stays air.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.transforms import (
    Compose,
    Rand2DElasticd,
    Rand3DElasticd,
    RandGaussianNoised,
    RandGaussianSmoothd,
)
from torch import Tensor

AIR = -1024.0


def slice_augmentation(seed: int) -> Compose:
    """For {"image": (3, j, i), "label": (1, j, i)}."""
    return _seeded(
        Compose(
            [
                Rand2DElasticd(
                    keys=("image", "label"),
                    spacing=(28, 28),
                    magnitude_range=(0.0, 7.0),
                    prob=0.9,
                    rotate_range=0.4,
                    shear_range=(0.15, 0.15),
                    translate_range=(15, 15),
                    scale_range=(0.22, 0.22),
                    mode=("bilinear", "nearest"),
                    padding_mode="border",
                ),
                RandGaussianSmoothd("image", sigma_x=(0.3, 1.2), sigma_y=(0.3, 1.2), prob=0.3),
                RandGaussianNoised("image", std=60.0, sample_std=True, prob=0.5),
            ]
        ),
        seed,
    )


def field_augmentation(seed: int, size: int) -> Compose:
    """For {"image": (1, z, y, x), "label": (1, z, y, x)} at the finder's step."""
    return _seeded(
        Compose(
            [
                Rand3DElasticd(
                    keys=("image", "label"),
                    sigma_range=(4, 6),
                    magnitude_range=(10.0, 90.0),
                    spatial_size=(size, size, size),
                    prob=0.8,
                    rotate_range=(0.2, 0.2, 0.2),
                    scale_range=(0.2, 0.2, 0.2),
                    mode=("bilinear", "nearest"),
                    padding_mode="zeros",
                ),
                RandGaussianNoised("image", std=30.0, sample_std=True, prob=0.5),
            ]
        ),
        seed,
    )


def _seeded(transform: Compose, seed: int) -> Compose:
    transform.set_random_state(seed)
    return transform


def contrast(hu: Tensor, rng: np.random.Generator) -> Tensor:
    """Scale bone and soft tissue apart, shift all by a little; air is left as it is."""
    bone, soft = rng.uniform(0.65, 1.35), rng.uniform(0.7, 1.3)
    shift = rng.normal(0.0, 25.0)
    changed = torch.where(hu > 100.0, 100.0 + (hu - 100.0) * bone, 100.0 + (hu - 100.0) * soft) + shift
    return torch.where(hu < -700.0, hu, changed)


def tensors(sample: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Image float32 and label long of a sample, free of MONAI's metadata."""
    image = torch.as_tensor(np.asarray(sample["image"]), dtype=torch.float32)
    label = torch.as_tensor(np.asarray(sample["label"]), dtype=torch.long)
    return image, label
