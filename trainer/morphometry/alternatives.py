"""Other marrow references, for the comparison that chose `fit_reference`."""

from __future__ import annotations

import numpy as np

from trainer.morphometry.distance import Mask
from trainer.morphometry.noise import Noise
from trainer.morphometry.patches import blocks, voxel_of
from trainer.morphometry.reference import STRIDE_MM, SubjectReference, field_through
from trainer.mr import MRVolume

PERCENTILE = 97.0
N4_SHRINK = 8
"""Pixels of a slice to one of N4's."""


def percentile_reference(mr: MRVolume, region: Mask, noise: Noise) -> SubjectReference:
    """A quadratic through the 97th percentile of each block: brightest means bone-free."""
    found = list(blocks(region, voxel_of(mr.affine), STRIDE_MM))
    level = np.array([np.log(np.percentile(mr.signal[box][region[box]], PERCENTILE)) for _, box in found])
    points = np.reshape([mr.to_lps(centre[::-1]) for centre, _ in found], (-1, 3))
    return field_through(points, level, noise)


def n4_reference(mr: MRVolume, region: Mask, noise: Noise) -> SubjectReference:
    """A quadratic through N4's bias field (Tustison et al. 2010), its level the region's 97th percentile."""
    import SimpleITK as sitk

    small = sitk.GetImageFromArray(mr.signal[:, ::N4_SHRINK, ::N4_SHRINK])
    mask = sitk.GetImageFromArray(region[:, ::N4_SHRINK, ::N4_SHRINK].astype(np.uint8))
    corrector = sitk.N4BiasFieldCorrectionImageFilter()
    corrector.SetMaximumNumberOfIterations([30, 30])
    corrector.Execute(sitk.Cast(small, sitk.sitkFloat32), mask)
    log_bias = sitk.GetArrayFromImage(corrector.GetLogBiasFieldAsImage(small))
    k, j, i = np.nonzero(sitk.GetArrayFromImage(mask))
    level = log_bias[k, j, i].astype(np.float64)
    points = mr.to_lps(np.stack([i * N4_SHRINK, j * N4_SHRINK, k], axis=1))
    corrected = np.log(np.maximum(mr.signal[k, j * N4_SHRINK, i * N4_SHRINK], 1.0)) - level
    return field_through(points, level + np.percentile(corrected, PERCENTILE), noise)
