"""Contrast medium in the joint or in vessels: dense where the soft tissue of a knee never is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from ctsma_node.analysis.grid import SPACING
from ctsma_node.analysis.result import Mark

_DENSE = 200.0
"""HU of the mean over 3 x 3 x 3 voxels: muscle and cartilage stay below 120, diluted iodine above 300."""
_CLEAR = 3.0
"""mm from every bone: nearer, the bone's own edge is as dense."""
_NEAR = 7.0
"""mm from bone within which the joint lies; vessels, which may well be enhanced, run further off."""
_VOLUME = 2500.0
"""mm3; a fabella or a calcified vessel is smaller."""


def dense_volume(hu: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8]) -> float:
    """mm3 of dense soft tissue around the bones; both arrays [k, j, i] on the analysis grid."""
    far = _distance_from(labels > 0)
    around = (far > _CLEAR) & (far < _NEAR)
    return float((around & (ndimage.uniform_filter(hu, 3) > _DENSE)).sum() * np.prod(SPACING))


def _distance_from(bone: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """mm from each voxel outside to the nearest one of bone; ITK's takes a fourth of scipy's time."""
    image = sitk.GetImageFromArray(bone.astype(np.uint8))
    image.SetSpacing([float(mm) for mm in SPACING])
    signed = sitk.SignedMaurerDistanceMap(
        image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True
    )
    # A copy: a view is of memory that the image frees when this returns.
    return np.asarray(sitk.GetArrayFromImage(signed))


def contrast_marks(hu: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8]) -> tuple[Mark, ...]:
    """Marks a knee with contrast medium beside its bones: the bones' edges cannot be told from it."""
    volume = dense_volume(hu, labels)
    if volume <= _VOLUME:
        return ()
    text = (
        f"about {volume / 1000:.0f} cm3 beside the bones are as dense as contrast medium: values may be wrong"
    )
    return (Mark("contrast_medium", text),)
