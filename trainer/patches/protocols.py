"""The same CT as other protocols would have left it: dose, kernel, slices, field of view.

For robustness, measured and trained: what a site's own archive cannot show, because every patient was scanned
alike. A native reconstruction (thin slices, small pixels) is averaged to what the other protocol records;
noise is added where it would have been higher.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ctsma_node.analysis.grid import SIZE, resample
from ctsma_node.analysis.patches import noise_context
from ctsma_node.volume import Array, CTVolume
from trainer.phantom.noise import add_noise

F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
_GRID_FWHM = 1.2
"""mm that the analysis grid's own smoothing leaves noise at, beside the kernel's."""


@dataclass(frozen=True)
class Protocol:
    """What differs from the scan at hand."""

    name: str
    dose: float = 1.0
    """Share of the dose: the noise's variance grows by its inverse."""
    kernel_mm: float = 0.0
    """FWHM by which a softer kernel blurs within slices."""
    slices_mm: float = 0.0
    """Thickness and distance of slices; 0 as they are."""
    pixel_mm: float = 0.0
    """Of a wider field of view; 0 as it is."""


PROTOCOLS = (
    Protocol("half the dose", dose=0.5),
    Protocol("a quarter of the dose", dose=0.25),
    Protocol("soft kernel", kernel_mm=1.0),
    Protocol("very soft kernel", kernel_mm=1.6),
    Protocol("2 mm slices", slices_mm=2.0),
    Protocol("3 mm slices", slices_mm=3.0),
    Protocol("0.7 mm pixels", pixel_mm=0.7),
    Protocol("half the dose, soft kernel, 2 mm slices", dose=0.5, kernel_mm=1.0, slices_mm=2.0),
)
"""The same for every CT: what robustness is measured by."""
DRAWN = 4
"""Others, drawn for each CT: what robustness is trained on."""
NOISE = 2
"""How noise is drawn; where it was drawn otherwise, patches are made again. 1: alike for all CTs."""


def drawn_protocols(seed: int) -> tuple[Protocol, ...]:
    """DRAWN of what scanners leave; at worst a tenth of the dose, 3 mm slices, 1.4 mm pixels."""
    rng = np.random.default_rng([seed, 81])

    def sometimes(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 2) if rng.random() < 0.6 else 0.0

    return tuple(
        Protocol(
            f"drawn {number}",
            dose=round(float(np.exp(-sometimes(0.1, 2.4))), 3),
            kernel_mm=sometimes(0.3, 1.3),
            slices_mm=sometimes(0.6, 3.0),
            pixel_mm=sometimes(0.4, 1.4),
        )
        for number in range(DRAWN)
    )


def on_grid(ct: CTVolume, protocol: Protocol, affine: Array, bone: Mask, seed: int) -> F32:
    """HU [k, j, i] of the other protocol on the analysis grid `affine`; `bone` [k, j, i] are its bones there.

    The slices of `ct` are its third axis.
    """
    hu, _ = resample(_averaged(ct, protocol), affine, SIZE)
    if protocol.dose < 1.0:
        lag_two = noise_context(resample(ct, affine, SIZE)[0], bone)[1]
        more = 100.0 * float(np.exp(lag_two)) * np.sqrt(1.0 / protocol.dose - 1.0)
        fwhm = float(np.hypot(_GRID_FWHM, protocol.kernel_mm))
        add_noise(hu, affine, more, fwhm, max(_GRID_FWHM, protocol.slices_mm), seed)
    return hu


def _averaged(ct: CTVolume, protocol: Protocol) -> CTVolume:
    """Thicker slices first: there is less to blur then."""
    hu, affine = ct.hu, ct.affine
    hu, affine = _blocks(hu, affine, axis=0, step=protocol.slices_mm)
    if protocol.kernel_mm > 0.0:
        sigma = protocol.kernel_mm / _FWHM / np.linalg.norm(affine[:3, :2], axis=0)
        hu = ndimage.gaussian_filter(hu, (0.0, sigma[1], sigma[0]), truncate=3.0)
    for axis in (1, 2):
        hu, affine = _blocks(hu, affine, axis, protocol.pixel_mm)
    return CTVolume(np.ascontiguousarray(hu), affine)


def _blocks(hu: F32, affine: Array, axis: int, step: float) -> tuple[F32, Array]:
    """Means along an axis of the array, of as many voxels as come nearest to `step` mm."""
    column = 2 - axis
    count = round(step / float(np.linalg.norm(affine[:3, column]))) if step > 0.0 else 1
    if count < 2:
        return hu, affine
    whole = hu.shape[axis] // count
    kept = np.moveaxis(hu, axis, 0)[: whole * count]
    means = kept.reshape(whole, count, *kept.shape[1:]).mean(axis=1, dtype=np.float32)
    out = affine.copy()
    out[:3, 3] += affine[:3, column] * (count - 1) / 2.0
    out[:3, column] *= count
    return np.moveaxis(means, 0, axis), out
