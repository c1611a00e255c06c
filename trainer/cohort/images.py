"""The volumes of a cohort: each series of the manifest as CTVolume or MRVolume, whatever it was stored as.

Voxels keep the order in which they were stored along rows and columns; slices ascend along row x column.
Nothing is flipped or resampled: where a voxel lies is the affine's to say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ctsma_node.assemble import FrameGeometry, Series, read_series, to_volume
from ctsma_node.assemble.decoding import Decoder
from ctsma_node.assemble.pixels import read_stored
from ctsma_node.errors import Refused
from ctsma_node.volume import Array, CTVolume
from trainer.cohort.codes import refused
from trainer.cohort.manifest import SeriesEntry
from trainer.cohort.nifti_file import read_voxels
from trainer.mr import MRVolume


def read_ct(entry: SeriesEntry, archive: Path) -> CTVolume:
    """A CT of the manifest in HU, below the archive's root.

    Raises Refused where its files are not what they were when the manifest was made.
    """
    if entry.source == "nifti":
        return CTVolume(*_voxels(entry, archive))
    volume = to_volume(_series(entry, archive))
    if volume.size != entry.size:
        raise _changed(volume.size, entry)
    return volume


def read_mr(entry: SeriesEntry, archive: Path) -> MRVolume:
    """An MR of the manifest, its rescale applied, negative values (noise after filtering) as 0.

    Raises Refused as read_ct does.
    """
    if entry.source == "nifti":
        signal, affine = _voxels(entry, archive)
        return MRVolume(np.maximum(signal, np.float32(0)), affine)
    series = _series(entry, archive)
    size = (*_matrix(series), len(series.frames))
    if size != entry.size:
        raise _changed(size, entry)
    signal = np.empty(entry.size[::-1], dtype=np.float32)
    with Decoder() as decoder:
        for path, slices in series.slices_by_file().items():
            frames = [series.frames[k] for k in slices]
            for k, stored in zip(slices, read_stored(path, frames, decoder), strict=True):
                signal[k] = _rescaled(stored, series.frames[k])
    return MRVolume(np.maximum(signal, np.float32(0), out=signal), series.affine)


def _voxels(entry: SeriesEntry, archive: Path) -> tuple[npt.NDArray[np.float32], Array]:
    """Of a NIfTI, [k, j, i], and their affine."""
    (path,) = _files(entry, archive)
    voxels, affine = read_voxels(path)
    size = voxels.shape[::-1]
    if size != entry.size:
        raise _changed(size, entry)
    return voxels, affine


def _series(entry: SeriesEntry, archive: Path) -> Series:
    return read_series(_files(entry, archive))


def _files(entry: SeriesEntry, archive: Path) -> list[Path]:
    paths = entry.paths(archive)
    gone = sum(not path.is_file() for path in paths)
    if gone:
        raise refused("unreadable_files", count=gone, total=len(paths))
    return paths


def _rescaled(stored: npt.NDArray[np.integer], frame: FrameGeometry) -> npt.NDArray[np.float32]:
    """Stored values by the frame's own slope and intercept; as they are where it has none (PS3.3 C.11.1)."""
    values = stored.astype(np.float32)
    if frame.rescale_slope:
        values *= np.float32(frame.rescale_slope)
        values += np.float32(frame.rescale_intercept or 0.0)
    return values


def _matrix(series: Series) -> tuple[int | None, int | None]:
    """Voxels along i and j."""
    return series.frames[0].columns, series.frames[0].rows


def _changed(size: tuple[int | None, ...], entry: SeriesEntry) -> Refused:
    """How many slices of the manifest's matrix a series of another size has."""
    slices = size[2] if size[:2] == entry.size[:2] else 0
    return refused("series_changed", count=slices, total=entry.size[2])
