"""Thumbnails of the made objects, drawn when asked for: the picture as it is, a map over its CT."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import ParametricMapStorage, SecondaryCaptureImageStorage

DRAWN = (SecondaryCaptureImageStorage, ParametricMapStorage)
"""SOP classes that a thumbnail is drawn of."""

UNREADABLE = (
    *(OSError, EOFError, InvalidDicomError, struct.error),
    *(ValueError, TypeError, AttributeError, IndexError, KeyError, NotImplementedError),
)
"""What reading raises where a file is gone, or is damaged in whatever way."""

# Viridis at eleven even steps: its order holds for every kind of colour vision and in grey.
_RAMP = np.array(
    [
        *((68, 1, 84), (72, 36, 117), (65, 68, 135), (53, 95, 141), (42, 120, 142), (33, 145, 140)),
        *((34, 168, 132), (68, 191, 112), (122, 209, 81), (189, 223, 38), (253, 231, 37)),
    ],
    dtype=np.float32,
)
_OPACITY = 0.85
_WINDOW_HU = (-300.0, 1300.0)

RGB = npt.NDArray[np.uint8]


@lru_cache(maxsize=256)
def content_label(path: Path) -> str:
    """What an object of the node's own calls itself (Content Label, 0070,0080); "" where it does not."""
    try:
        ds = dcmread(path, specific_tags=["ContentLabel"], stop_before_pixels=True)
    except UNREADABLE:
        return ""
    return _PARAMETERS.get(str(ds.get("ContentLabel", "")), "")


_PARAMETERS = {"BVTV": "BV/TV", "TBTH": "Tb.Th", "TBSP": "Tb.Sp", "TBN": "Tb.N"}
"""Trabecular parameters by the labels of their maps; no other label is shown."""


def thumbnail(path: Path, width: int, find: Callable[[str], Path | None]) -> bytes:
    """PNG of an object, `width` pixels across. `find` gives the file of an instance by its UID, or None.

    Raises ValueError where nothing is drawn of its kind, and one of UNREADABLE where its file is not whole.
    """
    ds = dcmread(path)
    if ds.SOPClassUID not in DRAWN:
        raise ValueError("nothing is drawn of this SOP class")
    rgb = _map(ds, find) if ds.SOPClassUID == ParametricMapStorage else ds.pixel_array
    picture = Image.fromarray(np.asarray(rgb, dtype=np.uint8))
    height = max(round(picture.height * width / picture.width), 1)
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def _map(ds: Dataset, find: Callable[[str], Path | None]) -> RGB:
    """RGB [row, column, 3]: the frame with the most bone in the colours of its values, over its CT slice."""
    frames = np.frombuffer(ds.FloatPixelData, "<f4").reshape(-1, ds.Rows, ds.Columns)
    number = int(np.argmax((frames != 0).sum(axis=(1, 2))))
    values = frames[number]
    window = ds.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence[0]
    low = float(window.WindowCenter) - float(window.WindowWidth) / 2
    level = np.clip((values - low) / float(window.WindowWidth), 0, 1)
    place = level * (len(_RAMP) - 1)
    below = np.minimum(place.astype(np.intp), len(_RAMP) - 2)
    part = (place - below)[..., None]
    colour = (1 - part) * _RAMP[below] + part * _RAMP[below + 1]
    grey = _slice_below(ds, number, find)
    mixed = np.where((values != 0)[..., None], (1 - _OPACITY) * grey + _OPACITY * colour, grey)
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def _slice_below(ds: Dataset, number: int, find: Callable[[str], Path | None]) -> npt.NDArray[np.float32]:
    """Grey [row, column, 3] of the CT slice that a frame was derived from; black where there is none."""
    black = np.zeros((ds.Rows, ds.Columns, 3), np.float32)
    try:
        derivation = ds.PerFrameFunctionalGroupsSequence[number].DerivationImageSequence[0]
        path = find(str(derivation.SourceImageSequence[0].ReferencedSOPInstanceUID))
    except (AttributeError, IndexError):
        return black
    if path is None or not path.exists():
        return black
    source = dcmread(path)
    hu = source.pixel_array * float(source.RescaleSlope) + float(source.RescaleIntercept)
    low, high = _WINDOW_HU
    grey = np.clip((hu - low) / (high - low), 0, 1) * 255
    return np.repeat(grey.astype(np.float32)[..., None], 3, axis=2) if hu.shape == black.shape[:2] else black
