"""Files to a Series: headers alone, frames sorted along the normal, strays set aside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

from ctsma_node.assemble.attributes import text
from ctsma_node.assemble.faults import raise_if_of_the_system
from ctsma_node.assemble.frames import frames_of
from ctsma_node.assemble.refusals import refused
from ctsma_node.assemble.series import FrameGeometry, Series
from ctsma_node.assemble.stack import order_along
from ctsma_node.assemble.strays import set_aside, without_copies
from ctsma_node.errors import Refused

_IDENTITY = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID")


def read_series(paths: Sequence[Path]) -> Series:
    """Read the instances of one series, each slice once: `read_with_copies`, and then `drop_copies`."""
    return drop_copies(read_with_copies(paths))


def read_with_copies(paths: Sequence[Path]) -> Series:
    """Read the instances of one series without looking at any pixel.

    Localizers, screenshots and rendered pages beside a stack are set aside; `Series.dropped` names them.
    Whether what is left is fit, the gate decides.
    Raises Refused `unreadable` or `unsupported_transfer_syntax`; OSError where the system does not give a
    file.
    """
    headers = [read_header(path) for path in paths]
    readable = [ds for ds in headers if ds is not None]
    if len(readable) < len(headers) or not headers:
        raise refused("unreadable", count=len(headers) - len(readable), total=len(headers))
    frames = [frame for ds, path in zip(readable, paths, strict=True) for frame in frames_of(ds, path)]
    kept, dropped = set_aside(frames)
    ordered = _sorted(kept)
    return Series(_in_order(readable, paths, ordered), tuple(ordered), dropped)


def drop_copies(series: Series) -> Series:
    """Drop exact copies of a slice; pixels are looked at of slices in one place alone.

    Raises Refused and OSError as `read_hu`: what kind of object the series is should have been judged before.
    """
    kept, copies = without_copies(series.frames, series.header_of)
    if not copies:
        return series
    headers = {frame.path: series.header_of(frame) for frame in kept}
    return Series(tuple(headers.values()), tuple(kept), (*series.dropped, *copies))


def group_by_series(paths: Iterable[Path]) -> dict[str, tuple[Path, ...]]:
    """The DICOM instances among some files by Series Instance UID; files that are none are left out.

    Raises OSError where the system does not give a file.
    """
    groups: dict[str, list[Path]] = {}
    for path in paths:
        try:
            ds = read_header(path)
        except Refused:
            continue
        if ds is not None:
            groups.setdefault(text(ds, "SeriesInstanceUID"), []).append(path)
    return {uid: tuple(members) for uid, members in groups.items()}


def read_header(path: Path) -> Dataset | None:
    """One instance without its pixels, with or without preamble and meta information; None where it is none.

    Raises Refused `unsupported_transfer_syntax` for a deflated file before anything of it is inflated, and
    OSError where the system does not give the file.
    """
    if _is_deflated(path):
        raise refused("unsupported_transfer_syntax", count=1)
    try:
        ds = dcmread(path, stop_before_pixels=True, force=True)
    except Exception as error:  # damaged bytes raise nearly anything, RecursionError and MemoryError included
        raise_if_of_the_system(error)
        return None
    return ds if all(text(ds, keyword) for keyword in _IDENTITY) else None


def _is_deflated(path: Path) -> bool:
    try:
        meta = read_file_meta_info(path)
    except Exception as error:  # no Part 10 file, or a damaged one: the header's own reading will tell
        raise_if_of_the_system(error)
        return False
    return text(meta, "TransferSyntaxUID") == DeflatedExplicitVRLittleEndian


def _sorted(frames: Sequence[FrameGeometry]) -> list[FrameGeometry]:
    """Frames along the normal of the first; as they came where one has no place."""
    if not frames or not all(frame.has_place for frame in frames):
        return list(frames)
    positions = np.array([frame.position for frame in frames], dtype=np.float64)
    orientation = frames[0].orientation
    assert orientation is not None
    return [frames[at] for at in order_along(positions, orientation)]


def _in_order(
    headers: Sequence[Dataset], paths: Sequence[Path], frames: Sequence[FrameGeometry]
) -> tuple[Dataset, ...]:
    """The headers of the frames that stayed, each once; all of them where none stayed."""
    by_path = dict(zip(paths, headers, strict=True))
    return tuple(by_path[path] for path in dict.fromkeys(frame.path for frame in frames)) or tuple(headers)
