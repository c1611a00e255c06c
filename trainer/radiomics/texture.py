"""Features of the texture matrices, with the formulae of the IBSI's reference manual, 3.6 to 3.10.

Left out as they repeat others: dissimilarity (difference average), cluster tendency (sum variance) and sum
average (twice the joint average).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.radiomics.grey_levels import Levels
from trainer.radiomics.matrices import F64

Shares = npt.NDArray[np.float64]


def of_cooccurrence(matrix: F64) -> dict[str, float]:
    """Of a symmetric GLCM of counts (LFYI); entropies in bits. Without any pair of voxels all are 0."""
    p = matrix / max(matrix.sum(), 1.0)
    count = len(p)
    level = np.arange(1.0, count + 1)
    i, j = level[:, None], level[None, :]
    away = np.abs(i - j)
    marginal = p.sum(axis=1)
    mean = float((level * marginal).sum())
    variance = float(((level - mean) ** 2 * marginal).sum())
    apart, sums = _summed(p, away), _summed(p, i + j)
    k, s = np.arange(len(apart)), np.arange(len(sums))
    mean_apart = float((k * apart).sum())
    autocorrelation = float((i * j * p).sum())
    both = i + j - 2.0 * mean
    off = away > 0
    return {
        "cm_joint_max": float(p.max()),
        "cm_joint_avg": mean,
        "cm_joint_var": variance,
        "cm_joint_entr": _entropy(p),
        "cm_diff_avg": mean_apart,
        "cm_diff_var": float(((k - mean_apart) ** 2 * apart).sum()),
        "cm_diff_entr": _entropy(apart),
        "cm_sum_var": float(((s - 2.0 * mean) ** 2 * sums).sum()),
        "cm_sum_entr": _entropy(sums),
        "cm_energy": float((p**2).sum()),
        "cm_contrast": float((away**2 * p).sum()),
        "cm_inv_diff": float((p / (1.0 + away)).sum()),
        "cm_inv_diff_norm": float((p / (1.0 + away / count)).sum()),
        "cm_inv_diff_mom": float((p / (1.0 + away**2)).sum()),
        "cm_inv_diff_mom_norm": float((p / (1.0 + away**2 / count**2)).sum()),
        "cm_inv_var": float((p[off] / away[off] ** 2).sum()),
        "cm_corr": (autocorrelation - mean**2) / variance if variance > 0.0 else 1.0,
        "cm_auto_corr": autocorrelation,
        "cm_clust_shade": float((both**3 * p).sum()),
        "cm_clust_prom": float((both**4 * p).sum()),
        **_information(p, marginal),
    }


def _information(p: Shares, marginal: Shares) -> dict[str, float]:
    """Information correlation 1 (R8DG) and 2 (JN9H)."""
    joint, single = _entropy(p), _entropy(marginal)
    # The matrix is symmetric: both marginals are one, and HXY1 = HXY2 = 2 HX.
    return {
        "cm_info_corr1": (joint - 2.0 * single) / single if single > 0.0 else 0.0,
        "cm_info_corr2": float(np.sqrt(max(0.0, 1.0 - np.exp(-2.0 * (2.0 * single - joint))))),
    }


def of_sizes(prefix: str, matrix: F64, voxels: float) -> dict[str, float]:
    """Of counts by level and size: GLRLM (TP0I) and GLSZM (9SAK) have the same sixteen features.

    `voxels` is how many voxels the counts share out: of a merged GLRLM, once for each direction.
    """
    total = matrix.sum()
    i = np.arange(1.0, matrix.shape[0] + 1)[:, None]
    j = np.arange(1.0, matrix.shape[1] + 1)[None, :]
    p = matrix / total
    by_level, by_size = matrix.sum(axis=1), matrix.sum(axis=0)
    mean_level, mean_size = float((i * p).sum()), float((j * p).sum())
    found = {
        "short": (p / j**2).sum(),
        "long": (p * j**2).sum(),
        "low": (p / i**2).sum(),
        "high": (p * i**2).sum(),
        "short_low": (p / (i * j) ** 2).sum(),
        "short_high": (p * (i / j) ** 2).sum(),
        "long_low": (p * (j / i) ** 2).sum(),
        "long_high": (p * (i * j) ** 2).sum(),
        "level_nonuniformity": (by_level**2).sum() / total,
        "level_nonuniformity_norm": (by_level**2).sum() / total**2,
        "size_nonuniformity": (by_size**2).sum() / total,
        "size_nonuniformity_norm": (by_size**2).sum() / total**2,
        "percentage": total / voxels,
        "level_var": ((i - mean_level) ** 2 * p).sum(),
        "size_var": ((j - mean_size) ** 2 * p).sum(),
        "entropy": _entropy(p),
    }
    return {f"{prefix}_{name}": float(value) for name, value in found.items()}


def of_zones(levels: Levels, sizes: Levels) -> dict[str, float]:
    """Of a GLSZM as a list of zones: the sizes that occur are few, and the matrix is long."""
    matrix = np.zeros((int(levels.max()), int(sizes.max())))
    np.add.at(matrix, (levels - 1, sizes - 1), 1.0)
    return of_sizes("szm", matrix, float(sizes.sum()))


def of_tones(voxels: F64, differences: F64) -> dict[str, float]:
    """Of an NGTDM (IPET). A patch of one level has coarseness 10^6, as the manual allows, and 0 otherwise."""
    there = voxels > 0
    level = np.flatnonzero(there) + 1.0
    p, s = voxels[there] / voxels.sum(), differences[there]
    coarse = float((p * s).sum())
    if len(level) < 2 or coarse == 0.0:
        return dict(zip(_TONES, (1e6, 0.0, 0.0, 0.0, 0.0), strict=True))
    i, j = level[:, None], level[None, :]
    pi, pj = p[:, None], p[None, :]
    weighted = (p * s)[:, None] + (p * s)[None, :]
    groups = len(level) * (len(level) - 1)
    values = (
        1.0 / coarse,
        (pi * pj * (i - j) ** 2).sum() / groups * s.sum() / voxels.sum(),
        coarse / np.abs(i * pi - j * pj).sum(),
        (np.abs(i - j) * weighted / (pi + pj)).sum() / voxels.sum(),
        ((pi + pj) * (i - j) ** 2).sum() / s.sum(),
    )
    return {name: float(value) for name, value in zip(_TONES, values, strict=True)}


_TONES = ("ngt_coarseness", "ngt_contrast", "ngt_busyness", "ngt_complexity", "ngt_strength")


def _summed(p: Shares, of: Shares) -> Shares:
    """The shares with each whole value of `of`, from 0."""
    return np.asarray(np.bincount(of.astype(np.int64).ravel(), p.ravel()), dtype=np.float64)


def _entropy(p: Shares) -> float:
    there = p[p > 0.0]
    return float(-(there * np.log2(there)).sum())
