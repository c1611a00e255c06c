"""Another reconstruction of one CT acquisition: Table 2's 0.977 x 0.977 x 1.0 mm out of the native slices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates

from ctsma_node.volume import CTVolume
from trainer.phantom.acquisition import CTAcquisition
from trainer.phantom.slabs import FWHM

F64 = npt.NDArray[np.float64]

PIXEL, INCREMENT = 500.0 / 512.0, 1.0
KERNEL_FWHM = 1.0
"""mm, of the smooth kernel."""


def coarse_acquisition(native: CTAcquisition) -> CTAcquisition:
    """What the second reconstruction's header says: the same field and slices, smooth kernel."""
    matrix = int(native.fov_mm / PIXEL)
    return replace(
        native,
        rows=matrix,
        columns=matrix,
        fov_mm=matrix * PIXEL,
        increment=INCREMENT,
        slices=int((native.slices - 1) * native.increment / INCREMENT) + 1,
        kernel_fwhm=max(KERNEL_FWHM, native.kernel_fwhm),
        kernel_name="B46s",
    )


def coarse_form(volume: CTVolume, native: CTAcquisition) -> CTVolume:
    """The second reconstruction of an axial volume: same photons, so the same noise, smoother."""
    wanted = coarse_acquisition(native)
    sigma = np.sqrt(max(wanted.kernel_fwhm**2 - native.kernel_fwhm**2, 0.0)) / FWHM / native.pixel
    at = volume.to_index(wanted.affine[:3, 3])
    step = np.diag(np.linalg.inv(volume.affine) @ wanted.affine)
    rows, columns = np.meshgrid(
        at[1] + step[1] * np.arange(wanted.rows), at[0] + step[0] * np.arange(wanted.columns), indexing="ij"
    )
    hu = np.empty(wanted.size[::-1], dtype=np.float32)
    for k in range(wanted.slices):
        image = gaussian_filter(_between(volume, float(at[2] + step[2] * k)), sigma)
        hu[k] = np.rint(map_coordinates(image, [rows, columns], order=1, mode="nearest"))
    return CTVolume(hu, wanted.affine)


def _between(volume: CTVolume, k: float) -> npt.NDArray[np.float32]:
    """The image at a fractional slice."""
    low = min(max(int(k), 0), volume.hu.shape[0] - 2)
    part = np.float32(min(max(k - low, 0.0), 1.0))
    return np.asarray((1 - part) * volume.hu[low] + part * volume.hu[low + 1])
