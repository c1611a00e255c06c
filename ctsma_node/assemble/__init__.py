"""Assemble: the instances of one series, read by position and orientation, become a CTVolume in HU."""

from __future__ import annotations

import numpy as np

from ctsma_node.assemble.decoding import Decoder
from ctsma_node.assemble.headers import drop_copies, group_by_series, read_series, read_with_copies
from ctsma_node.assemble.pixels import read_hu
from ctsma_node.assemble.refusals import refused
from ctsma_node.assemble.series import Dropped, FrameGeometry, Series
from ctsma_node.assemble.voltage import tube_voltage
from ctsma_node.volume import CTVolume

__all__ = [
    "Dropped",
    "FrameGeometry",
    "Series",
    "drop_copies",
    "group_by_series",
    "read_series",
    "read_with_copies",
    "to_volume",
]


def to_volume(series: Series) -> CTVolume:
    """Decode a series that passed the gate's look at its headers.

    Slices ascend along row x column; the affine's k column is the fitted step between slices, so that a stack
    sheared by a tilted gantry keeps every voxel where it was measured.
    Raises Refused: no_geometry, mixed_matrix, no_calibrated_hu, or a code of pixels that cannot be had.
    """
    affine = series.affine
    first = series.frames[0]
    assert first.rows is not None  # the affine would have refused
    assert first.columns is not None
    others = sum((frame.rows, frame.columns) != (first.rows, first.columns) for frame in series.frames)
    if others:
        raise refused("mixed_matrix", count=others, total=len(series.frames))
    hu = np.empty((len(series.frames), first.rows, first.columns), dtype=np.float32)
    with Decoder() as decoder:
        for path, slices in series.slices_by_file().items():
            frames = [series.frames[k] for k in slices]
            header = series.header_of(frames[0])
            for k, slice_hu in zip(slices, read_hu(path, frames, header, decoder), strict=True):
                hu[k] = slice_hu
    return CTVolume(hu, affine, series.sources, tube_voltage(series.headers))
