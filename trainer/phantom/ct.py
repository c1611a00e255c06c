"""The CT forward model: what a scanner makes of a scene on any grid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ctsma_node.volume import CTVolume
from trainer.phantom.acquisition import CTAcquisition
from trainer.phantom.cells import decimate
from trainer.phantom.metal import add_metal
from trainer.phantom.noise import add_noise
from trainer.phantom.painting import Painted, Size, label_on, paint_scene

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

__all__ = ["Painted", "label_on", "render_ct", "render_on"]

AIR_HU = -1000.0
LOWEST_HU, HIGHEST_HU = -1024, 3071
"""Range of a 12-bit CT image."""
CELL = 0.65
"""Largest side of a cell of the working grid, mm."""
COARSE = 2.0
"""Voxels above this (mm) see the mean of the trabecular bone, not its texture."""
SLAB = 24_000_000
"""Cells of the working grid held at a time."""

_FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))


def render_ct(scene: Painted, acquisition: CTAcquisition) -> CTVolume:
    """The series that `acquisition` makes: HU rounded to whole numbers, within -1024 to 3071."""
    normal = acquisition.affine[:3, 2] / np.linalg.norm(acquisition.affine[:3, 2])
    axial = abs(normal[2])
    # Scanners rebuild axial slices; other planes are reformats of thin ones, averaged along their normal.
    source = acquisition.slice_thickness if axial > 0.8 else min(acquisition.slice_thickness, 0.9)
    volume = render_on(
        scene,
        acquisition.affine,
        acquisition.size,
        fwhm=acquisition.kernel_fwhm,
        slice_fwhm=source,
        average=acquisition.slice_thickness,
        noise_hu=acquisition.noise_hu,
        seed=acquisition.noise_seed,
        metal=acquisition.metal,
    )
    np.rint(volume.hu, out=volume.hu)
    np.clip(volume.hu, LOWEST_HU, HIGHEST_HU, out=volume.hu)
    return volume


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
    weights = [_weights(spread[a], spacing[a] / factor[a]) for a in range(3)]
    hu = np.empty(size[::-1], dtype=np.float32)
    across = [(size[a] - 1) * factor[a] + weights[a].size for a in range(2)]
    most = max(1, int((SLAB / (across[0] * across[1]) - weights[2].size) / factor[2]) + 1)
    for first in range(0, size[2], most):
        count = min(most, size[2] - first)
        hu[first : first + count] = _slab(scene, affine, size, first, count, factor, weights, fine)
    if metal:
        add_metal(hu, affine, scene.knees)
    noise_z = max(slice_fwhm, 0.3)
    add_noise(hu, affine, noise_hu, fwhm, noise_z, seed)
    return CTVolume(hu, np.asarray(affine, dtype=np.float64))


def _spread(affine: F64, fwhm: float, slice_fwhm: float, average: float) -> F64:
    """Variance of the point spread along the grid's axes, mm2."""
    direction = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    covariance = np.diag([fwhm, fwhm, slice_fwhm]) ** 2 / _FWHM**2
    variance = np.einsum("ia,ij,ja->a", direction, covariance, direction)
    variance[2] = max(variance[2], (average / _FWHM) ** 2)
    return np.asarray(variance)


def _weights(variance: float, cell: float) -> F64:
    """Gaussian taps at the distance of the cells, less the blur that the cell itself brings."""
    sigma = np.sqrt(max(variance - cell * cell / 12.0, 1e-6)) / cell
    radius = int(np.ceil(2.7 * sigma)) if sigma > 0.15 else 0
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-3)) ** 2)
    return np.asarray(taps / taps.sum())


def _slab(
    scene: Painted,
    affine: F64,
    size: Size,
    first: int,
    count: int,
    factor: I64,
    weights: list[F64],
    fine: bool,
) -> F32:
    """Output slices `first` to `first + count`: paint the cells, filter, keep the voxels."""
    counts = (size[0], size[1], count)
    shape = [(counts[a] - 1) * int(factor[a]) + weights[a].size for a in range(3)]
    to_cells = np.eye(4)
    for a in range(3):
        to_cells[a, a] = 1.0 / factor[a]
        to_cells[a, 3] = -(weights[a].size // 2) / factor[a]
    to_cells[2, 3] += first
    cells = np.full(shape[::-1], AIR_HU, dtype=np.float32)
    paint_scene(scene, cells, np.asarray(affine @ to_cells), fine, first * int(factor[2]))
    nk, nj, _ = cells.shape
    cells = decimate(cells.reshape(nk * nj, -1, 1), weights[0], int(factor[0]), counts[0]).reshape(nk, nj, -1)
    cells = decimate(cells, weights[1], int(factor[1]), counts[1])
    cells = decimate(cells.reshape(1, nk, -1), weights[2], int(factor[2]), counts[2])
    return cells.reshape(counts[2], counts[1], counts[0])
