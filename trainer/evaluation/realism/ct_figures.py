"""HU of a knee's tissues on its 1 mm CT, and the noise of its thin CT."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, gaussian_filter

from ctsma_node.analysis.bones import LABEL
from ctsma_node.analysis.result import Bone
from ctsma_node.volume import CTVolume
from trainer.evaluation.realism.scans import Scans
from trainer.evaluation.realism.zones import (
    COMPARTMENTS,
    DEPTHS,
    F64,
    Mask,
    depth_under_surface,
    loaded_columns,
)

Figures = dict[str, float]

FAT_HU, MUSCLE_HU = (-190.0, -30.0), (0.0, 100.0)
"""The ranges that segmentations of body composition use (Aubrey et al. 2014, PMID 24393306);
of muscle the range without its fat."""
SOFT_HU = (-130.0, 100.0)
ENDS = 10
"""Slices at the proximal end of the field, in the femur's metaphysis."""
REGION = 48
"""Pixels along each side of a region for the noise power: 13 mm of the thin CT."""


def ct_figures(scans: Scans) -> Figures:
    """Means of fat, muscle, marrow, cortex and trabecular bone, HU; the last by depth and compartment."""
    hu, labels, spacing = scans.ct.hu, scans.ct_labels, scans.ct.spacing
    out = _soft_tissue(hu, labels > 0)
    for bone in Bone:
        depth = depth_under_surface(labels == LABEL[bone], spacing)
        out |= dict(_trabecular(scans, bone, depth))
        if bone is Bone.FEMUR:
            # The middle of the metaphysis holds the least bone that a knee's field shows.
            end = np.s_[-ENDS:]
            out["HU metaphysis, middle"] = _mean(hu[end][depth[end] > 0.8 * depth[end].max()])
            shell = hu[end][(depth[end] > 0.0) & (depth[end] < 4.0)]
            out["HU cortex"] = float(np.percentile(shell, 90))
    return out


def _soft_tissue(hu: npt.NDArray[np.float32], bones: Mask) -> Figures:
    """Modes of fat and muscle away from bone and skin, smoothed so that noise does not widen them."""
    smooth = gaussian_filter(hu, 1.5)
    away = ~binary_dilation(bones, iterations=5)
    away &= ~binary_dilation(smooth < FAT_HU[0], iterations=4)
    found = smooth[away]
    names = {"HU fat": FAT_HU, "HU muscle": MUSCLE_HU}
    return {name: _mode(found[(found > low) & (found < high)]) for name, (low, high) in names.items()}


def _trabecular(scans: Scans, bone: Bone, depth: npt.NDArray[np.float32]) -> Iterator[tuple[str, float]]:
    """Mean HU of the loaded columns by depth under the bone's surface; the first 3 mm hold the plate."""
    k, j, i = np.nonzero((depth > 0.0) & (depth < 20.0))
    points = scans.ct.to_lps(np.stack([i, j, k], axis=1))
    hu, deep = scans.ct.hu[k, j, i], depth[k, j, i]
    for compartment in COMPARTMENTS:
        inside = loaded_columns(scans.knee, bone, compartment, points)
        for low, high in DEPTHS:
            here = hu[inside & (deep > low) & (deep <= high)]
            yield f"HU {bone} {compartment} {low:g}-{high:g} mm", _mean(here)


def noise_figures(thin: CTVolume) -> Figures:
    """SD and peak frequency (1/mm) of the noise in the flattest soft tissue of some thin slices."""
    spectra = [_spectrum(patch, thin.spacing[0]) for patch in _flat_regions(thin)]
    if not spectra:
        return {"CT noise SD, thin": float("nan"), "CT noise peak frequency": float("nan")}
    power = np.mean([s for s, _ in spectra], axis=0)
    frequency = (np.arange(power.size) + 0.5) / (REGION * thin.spacing[0])
    return {
        "CT noise SD, thin": float(np.sqrt(np.mean([v for _, v in spectra]))),
        "CT noise peak frequency": float(frequency[int(np.argmax(power))]),
    }


def _flat_regions(thin: CTVolume) -> list[F64]:
    """Twelve regions of one tissue: those whose smoothed values differ least."""
    found = []
    for image in thin.hu[:: max(1, len(thin.hu) // 6)]:
        smooth = gaussian_filter(image, 2.0 / thin.spacing[0])
        for j in range(0, image.shape[0] - REGION, REGION // 2):
            for i in range(0, image.shape[1] - REGION, REGION // 2):
                box = np.s_[j : j + REGION, i : i + REGION]
                if SOFT_HU[0] < smooth[box].min() and smooth[box].max() < SOFT_HU[1]:
                    found.append((float(smooth[box].std()), image[box].astype(np.float64)))
    return [patch for _, patch in sorted(found, key=lambda one: one[0])[:12]]


def _spectrum(patch: F64, pixel: float) -> tuple[F64, float]:
    """Radial noise power by multiples of 1 / (n pixel), and variance, of a patch less its plane."""
    n = len(patch)
    j, i = np.indices(patch.shape) - (n - 1) / 2.0
    design = np.stack([np.ones(n * n), i.ravel(), j.ravel()], axis=1)
    rest = patch.ravel() - design @ np.linalg.lstsq(design, patch.ravel(), rcond=None)[0]
    power = np.abs(np.fft.fft2(rest.reshape(n, n))) ** 2 * pixel**2 / n**2
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n))) * n
    ring = f.astype(int)
    radial = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    return radial[: n // 2], float(rest.var())


def _mode(values: npt.NDArray[np.float32]) -> float:
    if values.size < 100:
        return float("nan")
    counts, edges = np.histogram(values, bins=np.arange(np.floor(values.min()), values.max() + 2.0, 2.0))
    counts = np.convolve(counts, np.ones(5), mode="same")
    return float(edges[int(np.argmax(counts))] + 1.0)


def _mean(values: npt.NDArray[np.float32]) -> float:
    return float(values.mean()) if values.size else float("nan")
