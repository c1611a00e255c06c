"""Structure from the autocorrelation of a grey-level image: lengths where no single trabecula can be cut out.

At 0.234 x 0.234 x 1.5 mm a threshold finds noise as often as bone. Sums over a patch do not: noise adds
to the variance alone, by a known amount, and to no product of separate voxels. Hwang, Wehrli and Williams
1997 (Med Phys 24: 1255-1261) took trabecular parameters from the autocorrelation of MR for this reason, Wald
et al. 2007 (Med Phys 34: 1110-1120) anisotropy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.morphometry.distance import F32, Mask, Voxel
from trainer.morphometry.noise import Noise
from trainer.morphometry.parameters import Method, TrabecularParameters
from trainer.morphometry.plate import plate_lengths
from trainer.phantom.compiled import serial

F64 = npt.NDArray[np.float64]

LAGS_MM = (0.25, 0.5, 0.75, 1.0, 1.25)
"""Distances within the slice, mm: up to about one distance of trabeculae."""


@dataclass(frozen=True, eq=False)
class Autocorrelation:
    """Second-order statistics of a patch, its noise taken off.

    `mean` in units of the signal, `variance` in their square. `within` are the correlations at LAGS_MM
    averaged over both directions of the slice, `across` that of neighbouring slices.
    """

    mean: float
    variance: float
    within: F64
    across: float

    @classmethod
    def of_row(cls, row: F64) -> Autocorrelation:
        """The inverse of `as_row`."""
        return cls(float(row[0]), float(row[1]), np.asarray(row[2:-1]), float(row[-1]))

    def as_row(self) -> F64:
        """(8,): mean, variance, within, across."""
        return np.array([self.mean, self.variance, *self.within, self.across])

    def scaled(self, factor: float) -> Autocorrelation:
        """Of the same signal in other units: multiplied by `factor`."""
        return Autocorrelation(self.mean * factor, self.variance * factor**2, self.within, self.across)


@serial
def _products(signal: F32, region: Mask, mean: float, lags: int) -> tuple[npt.NDArray[np.float64], float]:
    """Mean products of deviations at 0 to `lags` voxels along j and i together, and one slice apart."""
    nk, nj, ni = signal.shape
    total, pairs = np.zeros(lags + 1), np.zeros(lags + 1)
    next_total, next_pairs = 0.0, 0.0
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                if not region[k, j, i]:
                    continue
                own = signal[k, j, i] - mean
                for lag in range(lags + 1):
                    if j + lag < nj and region[k, j + lag, i]:
                        total[lag] += own * (signal[k, j + lag, i] - mean)
                        pairs[lag] += 1.0
                    if i + lag < ni and region[k, j, i + lag]:
                        total[lag] += own * (signal[k, j, i + lag] - mean)
                        pairs[lag] += 1.0
                if k + 1 < nk and region[k + 1, j, i]:
                    next_total += own * (signal[k + 1, j, i] - mean)
                    next_pairs += 1.0
    return total / np.maximum(pairs, 1.0), next_total / max(next_pairs, 1.0)


def autocorrelation(signal: F32, region: Mask, voxel: Voxel, noise: Noise) -> Autocorrelation:
    """Statistics of `signal` [k, j, i] in `region`, what `noise` adds to them taken off.

    The variance is kept above a hundredth of the noise's, so that ratios to it stay finite. NaN for an
    empty region.
    """
    nowhere = Autocorrelation(float("nan"), float("nan"), np.full(len(LAGS_MM), np.nan), float("nan"))
    if not region.any():
        return nowhere
    mean = float(signal[region].mean(dtype=np.float64))
    pixel = 0.5 * (voxel[1] + voxel[2])
    lags = int(np.ceil(LAGS_MM[-1] / pixel))
    products, across = _products(signal, region, mean, lags)
    products -= noise.covariance(lags)
    products[0] = max(products[0], 0.01 * noise.level**2, 1e-12)
    within = np.interp(LAGS_MM, pixel * np.arange(lags + 1), products) / products[0]
    return Autocorrelation(mean, float(products[0]), within, float(across / products[0]))


def plate_of_autocorrelation(measured: Autocorrelation) -> TrabecularParameters:
    """Plate-model lengths of a signal in units of marrow: apparent, before any calibration.

    1 - mean is app.BV/TV. Lines cross the mean level 1/pi sqrt(-R''(0) / R(0)) times per mm (Rice 1944, Bell
    Syst Tech J 23: 282-332), with R'' from half a millimetre, where noise no longer counts; twice that is
    BS/TV.
    """
    bvtv = 1.0 - measured.mean
    bend = 2.0 * (1.0 - min(float(measured.within[1]), 1.0)) / LAGS_MM[1] ** 2
    thickness, separation, number = plate_lengths(bvtv, 2.0 * bend**0.5 / np.pi)
    return TrabecularParameters(Method.AUTOCORRELATION, True, bvtv, thickness, separation, number)
