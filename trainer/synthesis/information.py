"""Differentiable mutual information of two images (paper, section 3.1.2)."""

from __future__ import annotations

import torch
from monai.losses import GlobalMutualInformationLoss
from torch import Tensor

SIGMA = 0.5
"""Width (standard deviation) of the Parzen window in bins."""


def mutual_information(first: Tensor, second: Tensor, bins: int = 32) -> Tensor:
    """Mutual information in nats of each pair of images, averaged over the batch: a scalar.

    `first` and `second` (N, ...) lie in [-1, 1], which the bins span; every value counts as one sample.
    The joint histogram is soft: a Gaussian Parzen window of SIGMA bins, so the window is as wide for these
    images as for any others (one that is made for [0, 1] would be half as wide on [-1, 1]). The window blurs
    the histogram, so values are a little below those of the images' own.

    Always in single precision: the shares of 32 x 32 bins do not fit half precision's.
    """
    if first.shape != second.shape:
        raise ValueError(f"images of {tuple(first.shape)} and {tuple(second.shape)} cannot be compared")
    loss = GlobalMutualInformationLoss(num_bins=bins, sigma_ratio=SIGMA)
    with torch.autocast(first.device.type, enabled=False):
        return -loss(_unit(first), _unit(second))  # type: ignore[no-any-return]


def _unit(image: Tensor) -> Tensor:
    """[-1, 1] to [0, 1], where MONAI's bins are."""
    return (image.float() + 1.0) / 2.0
