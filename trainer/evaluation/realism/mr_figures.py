"""Signals and noise of a knee's MR, and how far the texture of its trabecular bone reaches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from ctsma_node.analysis.bones import LABEL
from ctsma_node.analysis.result import Bone
from trainer.evaluation.realism.scans import Scans
from trainer.evaluation.realism.zones import F32, F64, Mask

Figures = dict[str, float]

BLOCK = 16
"""Pixels along each side of the blocks among which air is looked for."""
RAYLEIGH = 0.523
"""Standard deviation over mean of pure noise in a magnitude image."""
DEEP = 5.0
"""mm under the bone's surface where texture is measured."""
REACH = 16
"""Lags of the autocorrelation, pixels."""


def mr_figures(scans: Scans) -> Figures:
    """SNR of marrow and muscle, ratio of their signals, and the autocorrelation of the trabecular texture."""
    signal, labels = scans.mr.signal, scans.mr_labels
    pixel = float(scans.mr.spacing[0])
    noise = air_noise(signal)
    deep = _deep(labels, pixel)
    smooth = gaussian_filter(signal, (0.0, 3.0, 3.0))
    marrow = float(np.percentile(smooth[deep], 95))
    muscle = _muscle(smooth, labels, marrow)
    return {
        "MR noise": noise,
        "MR SNR marrow": marrow / noise,
        "MR SNR muscle": muscle / noise,
        "MR marrow / muscle": marrow / muscle,
        "MR trabecular mean / marrow": float(signal[deep].mean()) / marrow,
        "MR trabecular SD / mean": float(
            np.sqrt(max(signal[deep].var() - noise**2, 0.0)) / signal[deep].mean()
        ),
        "MR texture length": texture_length(signal, deep, noise, pixel),
    }


def air_noise(signal: F32) -> float:
    """Standard deviation of either channel's noise from blocks of air (Rayleigh noise).

    NaN where the field shows no air.
    """
    rows, columns = (n // BLOCK * BLOCK for n in signal.shape[1:])
    blocks = signal[:, :rows, :columns].reshape(len(signal), rows // BLOCK, BLOCK, columns // BLOCK, BLOCK)
    mean, spread = blocks.mean(axis=(2, 4)), blocks.std(axis=(2, 4))
    darkest = mean < 1.5 * np.percentile(mean, 1)
    air = darkest & (np.abs(spread / np.maximum(mean, 1e-6) - RAYLEIGH) < 0.06)
    power = np.mean(np.square(blocks, dtype=np.float64), axis=(2, 4))[air]
    return float(np.sqrt(0.5 * np.median(power))) if air.any() else float("nan")


def _deep(labels: npt.NDArray[np.uint8], pixel: float) -> Mask:
    """Trabecular bone of femur and tibia, DEEP under the surface, but for the outer slices."""
    out = np.zeros(labels.shape, dtype=bool)
    steps = int(np.ceil(DEEP / pixel))
    for k in range(3, len(labels) - 3):
        for bone in Bone:
            inner = np.all(labels[k - 3 : k + 4] == LABEL[bone], axis=0)
            if inner.any():
                out[k] |= binary_erosion(inner, iterations=steps, border_value=1)
    return out


def _muscle(smooth: F32, labels: npt.NDArray[np.uint8], marrow: float) -> float:
    """The mode of what is neither bone nor fat nor air in every fourth slice."""
    values = []
    for k in range(0, len(labels), 4):
        away = ~binary_dilation(labels[k] > 0, iterations=30)
        s = smooth[k][away]
        values.append(s[(s > 0.2 * marrow) & (s < 0.5 * marrow)])
    counts, edges = np.histogram(np.concatenate(values), bins=60)
    return float(edges[int(np.argmax(counts))] + 0.5 * (edges[1] - edges[0]))


def texture_length(signal: F32, region: Mask, noise: float, pixel: float) -> float:
    """Lag (mm) at which the in-plane autocorrelation falls below 1/e; NaN where there is no texture.

    Slowly varying signal (wider than 3 mm) is taken off first, and the noise's share off lag 0.
    """
    products, pairs = np.zeros(REACH + 1), np.zeros(REACH + 1)
    for k in np.nonzero(region.any(axis=(1, 2)))[0][::2]:
        own, count = _products(signal[k], region[k], 3.0 / pixel)
        products, pairs = products + own, pairs + count
    correlation = products / np.maximum(pairs, 1.0)
    correlation[0] -= noise**2 if np.isfinite(noise) else 0.0
    correlation /= max(correlation[0], 1e-9)
    below = np.nonzero(correlation < np.exp(-1.0))[0]
    if not below.size or below[0] == 0:
        return float("nan")
    n = int(below[0])
    step = (correlation[n - 1] - np.exp(-1.0)) / (correlation[n - 1] - correlation[n])
    return float((n - 1 + step) * pixel)


def _products(image: F32, region: Mask, wide: float) -> tuple[F64, F64]:
    """Sums of products of deviations at 0 to REACH pixels along rows and columns, and how many there are."""
    weight = gaussian_filter(region.astype(np.float32), wide)
    slow = gaussian_filter(np.where(region, image, 0.0).astype(np.float32), wide) / np.maximum(weight, 1e-3)
    shape = tuple(scipy.fft.next_fast_len(n + REACH) for n in image.shape)
    rest = np.where(region, image - slow, 0.0)

    def correlated(values: npt.NDArray[np.generic]) -> F64:
        spectrum = np.abs(scipy.fft.rfft2(values.astype(np.float64), shape, workers=1)) ** 2
        back = scipy.fft.irfft2(spectrum, shape, workers=1)
        return np.asarray(back[0, : REACH + 1] + back[: REACH + 1, 0])

    return correlated(rest), correlated(region)
