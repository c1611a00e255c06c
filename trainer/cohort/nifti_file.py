"""One NIfTI-1 file: its grid without its voxels, and its voxels; coordinates turned from RAS to LPS."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from ctsma_node.volume import Array
from trainer.cohort.candidate import Affine
from trainer.cohort.codes import refused


@dataclass(frozen=True)
class Grid:
    """Size, spacing (mm) along i, j, k, and the affine of index to LPS mm."""

    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    affine: Affine


def read_grid(path: Path) -> Grid:
    """The grid from the header alone.

    Raises Refused: unreadable, nifti_not_3d, no_geometry (neither qform nor sform), truncated_pixels.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("NiftiImageIO")
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise refused("unreadable") from error
    if reader.GetDimension() != 3:
        raise refused("nifti_not_3d", count=reader.GetDimension())
    codes = [reader.GetMetaData(key) for key in ("qform_code", "sform_code") if reader.HasMetaDataKey(key)]
    if not any(code.strip() not in ("", "0") for code in codes):
        raise refused("no_geometry", count=1, total=1)
    _has_all_bytes(path, reader)
    i, j, k = (int(n) for n in reader.GetSize())
    x, y, z = (round(float(s), 6) for s in reader.GetSpacing())
    affine = affine_of(reader.GetDirection(), reader.GetSpacing(), reader.GetOrigin())
    return Grid((i, j, k), (x, y, z), tuple(tuple(round(float(v), 6) for v in row) for row in affine))


def read_voxels(path: Path) -> tuple[npt.NDArray[np.float32], Array]:
    """Voxels [k, j, i] with the header's slope and intercept applied, and their affine to LPS mm.

    Raises Refused `unreadable_files` where it is not there, or `undecodable_pixels`.
    """
    if not path.is_file():
        raise refused("unreadable_files", count=1, total=1)
    try:
        image = sitk.ReadImage(str(path), sitk.sitkFloat32, "NiftiImageIO")
    except RuntimeError as error:
        raise refused("undecodable_pixels") from error
    affine = affine_of(image.GetDirection(), image.GetSpacing(), image.GetOrigin())
    return sitk.GetArrayFromImage(image), affine


def file_digest(path: Path) -> str:
    """SHA-256 of the whole file. Raises Refused `unreadable_files`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise refused("unreadable_files", count=1, total=1) from error


def affine_of(direction: tuple[float, ...], spacing: tuple[float, ...], origin: tuple[float, ...]) -> Array:
    """ITK's direction cosines (columns), spacing and origin as one 4 x 4 matrix, LPS mm."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(direction, dtype=np.float64).reshape(3, 3) * np.array(spacing)
    affine[:3, 3] = origin
    return affine


def _has_all_bytes(path: Path, reader: sitk.ImageFileReader) -> None:
    """Uncompressed files alone can be measured; the others are decoded by --verify."""
    if path.suffix.lower() != ".nii":
        return
    offset, bits = (float(reader.GetMetaData(key)) for key in ("vox_offset", "bitpix"))
    if path.stat().st_size < offset + np.prod(reader.GetSize()) * bits / 8:
        raise refused("truncated_pixels", count=1)
