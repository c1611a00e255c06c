"""Texture statistics of a CT patch inside its bone mask, all patches at once.

First-order statistics (IBSI intensity family), structure functions (mean squared difference at a lag, the
variogram of geostatistics) along the three axes, and the variance that is left after local averaging.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

LAGS = (1, 2, 3, 4)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
POOLS = (2, 3)

FEATURES: tuple[str, ...] = (
    "mean",
    "sd",
    "skewness",
    *(f"quantile {q:g}" for q in QUANTILES),
    *(f"log structure {axis}{lag}" for lag in LAGS for axis in "kji"),
    *(f"log sd of means over {p}" for p in POOLS),
    "mask fraction",
)
KNEE_CONTEXT: tuple[str, ...] = tuple(f"knee's mean {name}" for name in FEATURES)
"""What `knee_means` gives: how a scanner shows bone, which a patch alone cannot tell from the bone."""
LEAST_BONE = 0.2
"""Part of a patch that must be bone under its cortex for the patch to count."""
_EPS = 1e-3


def patch_features(hu: Tensor, mask: Tensor) -> Tensor:
    """(N, 12, 12, 12) HU and mask -> (N, len(FEATURES)); mean and quantiles in HU / 100, spreads as logs."""
    x = hu / 100.0
    columns = [*_moments(x, mask), *_quantiles(x, mask)]
    columns += [torch.log(structure(x, mask, axis, lag) + _EPS) for lag in LAGS for axis in (1, 2, 3)]
    columns += [torch.log(_pooled_sd(x, mask, p) + _EPS) for p in POOLS]
    columns.append(mask.mean(dim=(1, 2, 3)))
    return torch.stack(columns, dim=1)


def knee_means(hu: Tensor, mask: Tensor) -> Tensor:
    """Mean statistics of a knee's subregions, (N, 12, 12, 12) each, as KNEE_CONTEXT: (len(FEATURES),)."""
    inside = mask.mean(dim=(1, 2, 3)) >= LEAST_BONE
    counted = inside if bool(inside.any()) else torch.ones_like(inside)
    return patch_features(hu[counted], mask[counted]).double().mean(dim=0).float()


def _masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    axes = tuple(range(1, x.ndim))
    return (x * mask).sum(dim=axes) / mask.sum(dim=axes).clamp(min=1.0)


def _moments(x: Tensor, mask: Tensor) -> list[Tensor]:
    mean = _masked_mean(x, mask)
    d = x - mean[:, None, None, None]
    variance = _masked_mean(d**2, mask)
    skewness = _masked_mean(d**3, mask) / (variance + _EPS) ** 1.5
    return [mean, torch.log(variance.sqrt() + _EPS), skewness]


def _quantiles(x: Tensor, mask: Tensor) -> list[Tensor]:
    """Quantiles over the masked voxels: the others are sorted to the end and not counted."""
    values = torch.where(mask > 0, x, torch.inf).flatten(1).sort(dim=1).values
    count = mask.flatten(1).sum(dim=1).clamp(min=1.0)
    picks = [((count - 1) * q).round().long() for q in QUANTILES]
    columns = [values.gather(1, pick[:, None])[:, 0] for pick in picks]
    return [torch.where(torch.isfinite(c), c, torch.zeros_like(c)) for c in columns]


def structure(x: Tensor, mask: Tensor, axis: int, lag: int) -> Tensor:
    """Mean squared difference of masked voxel pairs `lag` apart along an axis: (N,)."""
    n = x.shape[axis] - lag
    near, far = x.narrow(axis, 0, n), x.narrow(axis, lag, n)
    both = mask.narrow(axis, 0, n) * mask.narrow(axis, lag, n)
    return _masked_mean((far - near) ** 2, both)


def _pooled_sd(x: Tensor, mask: Tensor, size: int) -> Tensor:
    """Standard deviation of local means over cubes of `size` voxels, weighted by the mask in each."""
    weight = functional.avg_pool3d(mask[:, None], size)[:, 0]
    local = functional.avg_pool3d((x * mask)[:, None], size)[:, 0] / weight.clamp(min=_EPS)
    mean = _masked_mean(local, weight)
    return _masked_mean((local - mean[:, None, None, None]) ** 2, weight).sqrt()
