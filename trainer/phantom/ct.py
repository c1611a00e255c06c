"""The CT forward model: what a scanner makes of a scene on any grid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ctsma_node.volume import CTVolume
from trainer.phantom.acquisition import CTAcquisition
from trainer.phantom.knee import Knee
from trainer.phantom.metal import add_metal
from trainer.phantom.noise import add_noise
from trainer.phantom.painting import Painted, Size, label_on
from trainer.phantom.slabs import FWHM, Sampling, sample, taps
from trainer.phantom.spots import Contrast

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

__all__ = ["Painted", "label_on", "render_ct", "render_on"]

AIR_HU = -1000.0
LOWEST_HU, HIGHEST_HU = -1024, 3071
"""Range of a 12-bit CT image."""
CELL = 0.65
"""Largest side of a cell of the working grid, mm."""
SAMPLE = 0.3
"""Largest distance of the samples of the trabecular field within a cell, mm."""
COARSE = 2.0
"""Voxels above this (mm) see the mean of the trabecular bone, not its texture."""

CARTILAGE_HU, CYST_HU = 95.0, 15.0


def render_ct(scene: Painted, acquisition: CTAcquisition) -> CTVolume:
    """The series that `acquisition` makes: HU rounded to whole numbers, within -1024 to 3071."""
    volume = render_on(
        scene,
        acquisition.affine,
        acquisition.size,
        fwhm=acquisition.kernel_fwhm,
        slice_fwhm=source_fwhm(acquisition),
        average=acquisition.slice_thickness,
        noise_hu=acquisition.noise_hu,
        seed=acquisition.noise_seed,
        metal=acquisition.metal,
    )
    np.rint(volume.hu, out=volume.hu)
    np.clip(volume.hu, LOWEST_HU, HIGHEST_HU, out=volume.hu)
    return volume


def source_fwhm(acquisition: CTAcquisition) -> float:
    """Slice profile of the scanner's own slices, FWHM in mm.

    Scanners rebuild axial slices; other planes are reformats of thin ones, averaged along their normal.
    """
    normal = acquisition.affine[:3, 2] / np.linalg.norm(acquisition.affine[:3, 2])
    return acquisition.slice_thickness if abs(normal[2]) > 0.8 else min(acquisition.slice_thickness, 0.9)


def render_on(
    scene: Painted,
    affine: F64,
    size: Size,
    *,
    fwhm: float = 0.9,
    slice_fwhm: float = 1.0,
    average: float = 0.0,
    noise_hu: float = 0.0,
    seed: int = 0,
    textured: bool | None = None,
    metal: bool = False,
) -> CTVolume:
    """Render on the grid of `affine` and `size` (i, j, k): float HU, not rounded.

    Point spread: Gaussian, `fwhm` mm along x and y, `slice_fwhm` along z, and at least `average` mm along the
    grid's own k axis. Voxels above 2 mm are averages over the voxel, without texture unless asked for.
    """
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    coarse = bool(spacing.max() > COARSE)
    fine = not coarse if textured is None else textured
    cell = np.maximum(spacing / 2.0, CELL) if coarse and not fine else np.full(3, CELL)
    factor = np.ceil(spacing / cell - 1e-6).astype(np.int64)
    spread = _spread(affine, fwhm, slice_fwhm, average) + (spacing**2 / 12.0 if coarse else 0.0)
    filters = [taps(spread[a], spacing[a] / factor[a]) for a in range(3)]
    hu = sample(scene, affine, size, Sampling(factor, filters, SAMPLE if fine else None, AIR_HU, ct_contrast))
    if metal:
        add_metal(hu, affine, scene.knees)
    noise_z = max(slice_fwhm, 0.3)
    add_noise(hu, affine, noise_hu, fwhm, noise_z, seed)
    return CTVolume(hu, np.asarray(affine, dtype=np.float64))


def ct_contrast(knee: Knee) -> Contrast:
    """HU of a knee's tissues; attenuation mixes linearly."""
    return Contrast(knee.tissue.bone_hu, knee.tissue.marrow_hu, CARTILAGE_HU, CYST_HU, dephasing=1.0)


def _spread(affine: F64, fwhm: float, slice_fwhm: float, average: float) -> F64:
    """Variance of the point spread along the grid's axes, mm2."""
    direction = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    covariance = np.diag([fwhm, fwhm, slice_fwhm]) ** 2 / FWHM**2
    variance = np.einsum("ia,ij,ja->a", direction, covariance, direction)
    variance[2] = max(variance[2], (average / FWHM) ** 2)
    return np.asarray(variance)
