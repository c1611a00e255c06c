"""Frames that stand in a series and not in its stack.

Scanners put a scout into the series it planned, workstations a page for the report, and archives hold a slice
twice after a repeated transfer. Each is set aside only when it says so itself (Image Type, Conversion Type,
SOP class) or when its pixels prove it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from ctsma_node.assemble.decoding import Decoder
from ctsma_node.assemble.image_type import CAPTURED, PROJECTED, PROJECTED_TERMS, RENDERED, says
from ctsma_node.assemble.pixels import read_hu
from ctsma_node.assemble.series import Dropped, FrameGeometry
from ctsma_node.assemble.stack import SAME_PLANE_MM, axes

SECONDARY_CAPTURE = frozenset(
    {
        SecondaryCaptureImageStorage,
        MultiFrameSingleBitSecondaryCaptureImageStorage,
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        MultiFrameTrueColorSecondaryCaptureImageStorage,
    }
)
_SCOUT = frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW", "SCANOGRAM"})
_SCREENSHOT = frozenset({"SCREEN", "SCREENSHOT"})
_SAME_PLACE_MM = 0.05
_SAME_NUMBER = 1e-4
"""Of pixel spacings (mm) and direction cosines."""


def is_localizer(image_type: Sequence[str]) -> bool:
    """Whether Image Type names a localizer, in the standard's word or in a vendor's (PS3.3 C.8.2.1.1.1)."""
    return any(word in _SCOUT for value in image_type for word in value.replace("_", " ").split())


def set_aside(frames: Sequence[FrameGeometry]) -> tuple[list[FrameGeometry], tuple[Dropped, ...]]:
    """Part localizers, screenshots and pages from the rest; where nothing would be left, everything stays."""
    kept, strays = _parted(frames, _why_stray)
    if not kept:
        return list(frames), ()
    slices, pages = _parted(kept, _why_page)
    if not any(frame.has_place for frame in slices):  # beside no stack, a page is what the series holds
        return kept, strays
    return slices, (*strays, *pages)


def without_copies(
    frames: Sequence[FrameGeometry], header_of: Callable[[FrameGeometry], Dataset]
) -> tuple[list[FrameGeometry], tuple[Dropped, ...]]:
    """Drop frames of the same place and the same HU as one before them; `frames` ascend along the normal.

    Frames of the same place with other pixels all stay, for the gate to refuse.
    """
    kept: list[FrameGeometry] = []
    dropped: list[Dropped] = []
    places = _place_numbers(frames)
    held = Counter(places)
    shared = [frame for frame, place in zip(frames, places, strict=True) if held[place] > 1]
    fingerprints = _fingerprints(shared, header_of)
    seen: set[tuple[int, bytes]] = set()
    for frame, place in zip(frames, places, strict=True):
        fingerprint = fingerprints.get((frame.path, frame.index))
        if fingerprint is None:
            kept.append(frame)
        elif (place, fingerprint) in seen:
            dropped.append(Dropped(frame.source, "duplicate"))
        else:
            seen.add((place, fingerprint))
            kept.append(frame)
    return kept, tuple(dropped)


def _parted(
    frames: Sequence[FrameGeometry], why: Callable[[FrameGeometry], str | None]
) -> tuple[list[FrameGeometry], tuple[Dropped, ...]]:
    kept = [frame for frame in frames if why(frame) is None]
    return kept, tuple(Dropped(frame.source, code) for frame in frames if (code := why(frame)))


def _why_stray(frame: FrameGeometry) -> str | None:
    if frame.sop_class_uid in SECONDARY_CAPTURE:
        return "secondary_capture"
    return "localizer" if is_localizer(frame.image_type) else None


def _why_page(frame: FrameGeometry) -> str | None:
    """What was stored as a slice and is none: it has no place, and says that it was captured or rendered.

    One that has a place may be a slice of the stack, which would be whole without it only by chance.
    """
    if frame.has_place:
        return None
    if frame.conversion_type in CAPTURED or says(frame.image_type, _SCREENSHOT):
        return "secondary_capture"
    return "projection" if says(frame.image_type, PROJECTED | RENDERED, PROJECTED_TERMS) else None


def _place_numbers(frames: Sequence[FrameGeometry]) -> list[int]:
    """A number for each frame, the same for neighbours in one place."""
    number, numbers = 0, []
    for at, frame in enumerate(frames):
        number += at > 0 and not _same_place(frames[at - 1], frame)
        numbers.append(number)
    return numbers


def _same_place(a: FrameGeometry, b: FrameGeometry) -> bool:
    if not (a.has_place and b.has_place) or (a.rows, a.columns) != (b.rows, b.columns):
        return False
    if not _alike(a.orientation, b.orientation) or not _alike(a.pixel_spacing, b.pixel_spacing):
        return False
    apart = np.subtract(np.array(b.position), np.array(a.position))
    along = axes(np.array(a.orientation))[2] @ apart
    return bool(abs(along) <= SAME_PLANE_MM and np.all(np.abs(apart) <= _SAME_PLACE_MM))


def _alike(a: tuple[float, ...] | None, b: tuple[float, ...] | None) -> bool:
    """Up to how a number is written: a copy that an archive made may have its digits rounded."""
    return bool(np.all(np.abs(np.subtract(a or 0.0, b or 0.0)) <= _SAME_NUMBER))


def _fingerprints(
    frames: Sequence[FrameGeometry], header_of: Callable[[FrameGeometry], Dataset]
) -> dict[tuple[Path, int], bytes]:
    """A hash of each frame's HU by its file and number.

    File by file: a multi-frame instance of several phases has all its frames in shared places, and is read
    once and not once for each.
    """
    by_file: dict[Path, list[FrameGeometry]] = {}
    for frame in sorted(frames, key=lambda frame: frame.index):
        by_file.setdefault(frame.path, []).append(frame)
    found: dict[tuple[Path, int], bytes] = {}
    with Decoder() as decoder:
        for path, own in by_file.items():
            for frame, hu in zip(own, read_hu(path, own, header_of(own[0]), decoder), strict=True):
                found[path, frame.index] = sha256(hu.tobytes()).digest()
    return found
