"""Intensity-based statistics (IBSI UHIW) and the two of the histogram that they do not repeat (IBSI ZVCW).

The coefficient of variation and its quartile form are left out: HU have no true zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.radiomics.grey_levels import Levels

Values = npt.NDArray[np.float64]


def statistics(values: Values) -> dict[str, float]:
    """Of the HU of one patch (n,): the spread is the population's, kurtosis is in excess of 3."""
    low, first, median, third, high = np.percentile(values, (10, 25, 50, 75, 90))
    mean, variance = float(values.mean()), float(values.var())
    deviation = values - mean
    middle = values[(values >= low) & (values <= high)]
    flat = variance == 0.0
    return {
        "stat_mean": mean,
        "stat_var": variance,
        "stat_skew": 0.0 if flat else float((deviation**3).mean()) / variance**1.5,
        "stat_kurt": 0.0 if flat else float((deviation**4).mean()) / variance**2 - 3.0,
        "stat_median": float(median),
        "stat_min": float(values.min()),
        "stat_p10": float(low),
        "stat_p90": float(high),
        "stat_max": float(values.max()),
        "stat_iqr": float(third - first),
        "stat_range": float(np.ptp(values)),
        "stat_mad": float(np.abs(deviation).mean()),
        "stat_rmad": float(np.abs(middle - middle.mean()).mean()),
        "stat_medad": float(np.abs(values - median).mean()),
        "stat_energy": float((values**2).sum()),
        "stat_rms": float(np.sqrt((values**2).mean())),
    }


def histogram(levels: Levels) -> dict[str, float]:
    """Entropy in bits (TLU2) and uniformity (BJ5W) of the grey levels of one patch."""
    counts = np.bincount(levels[levels > 0])
    share = counts[counts > 0] / counts.sum()
    return {
        "ih_entropy": float(-(share * np.log2(share)).sum()),
        "ih_uniformity": float((share**2).sum()),
    }
