"""Reads what the receiver must know of an encoded dataset, and finds out whether its pixels are all there.

Nothing is decoded and no value is converted by pydicom: its warnings quote raw values, and a receiver must
not choke on a header that the gate can refuse with a reason later.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, cast

from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from ctsma_node.receive.nested import LONG, UNDEFINED, Stepper
from ctsma_node.receive.pixels import PixelElement, pixels_are_whole
from ctsma_node.receive.refusal import INVALID_UID, NO_PIXELS, TRUNCATED, UNREADABLE, Unfit
from ctsma_node.records import ImageGeometry
from ctsma_node.uids import is_uid

_SOP_CLASS_UID = 0x00080016
_SOP_INSTANCE_UID = 0x00080018
_MODALITY = 0x00080060
_STUDY_INSTANCE_UID = 0x0020000D
_SERIES_INSTANCE_UID = 0x0020000E
_IMAGE_POSITION = 0x00200032
_IMAGE_ORIENTATION = 0x00200037
_SAMPLES_PER_PIXEL = 0x00280002
_NUMBER_OF_FRAMES = 0x00280008
_ROWS = 0x00280010
_COLUMNS = 0x00280011
_BITS_ALLOCATED = 0x00280100
_PIXEL_DATA = 0x7FE00010
_WANTED: list[BaseTag | int] = [
    _SOP_CLASS_UID,
    _SOP_INSTANCE_UID,
    _MODALITY,
    _STUDY_INSTANCE_UID,
    _SERIES_INSTANCE_UID,
    _IMAGE_POSITION,
    _IMAGE_ORIENTATION,
    _SAMPLES_PER_PIXEL,
    _NUMBER_OF_FRAMES,
    _ROWS,
    _COLUMNS,
    _BITS_ALLOCATED,
]

# PS3.5 9.1, but for leading zeros in a component: real equipment writes them, and they harm nobody.
_CODE_STRING = re.compile(r"[A-Z0-9_ ]{1,16}", re.ASCII)
_MOST_FRAMES = 100_000
_FARTHEST_MM = 1e6
"""No slice lies farther off: that is what a writer left unset, and distances to it overflow."""


@dataclass(frozen=True, slots=True)
class Header:
    """The identity and geometry of an instance, all UIDs valid."""

    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    geometry: ImageGeometry


def read_header(stream: BytesIO, transfer_syntax: str) -> Header:
    """Return the header of an encoded dataset without file meta information.

    Raises Unfit when it cannot be read, has a bad UID, or does not hold all its pixels.
    """
    stream.seek(0)
    dataset, pixels = _read(stream, uid.UID(transfer_syntax))
    values = _Values(dataset)
    header = Header(
        sop_class_uid=values.uid(_SOP_CLASS_UID),
        sop_instance_uid=values.uid(_SOP_INSTANCE_UID),
        series_uid=values.uid(_SERIES_INSTANCE_UID),
        study_uid=values.uid(_STUDY_INSTANCE_UID),
        geometry=_geometry(values),
    )
    if pixels is None:
        raise Unfit(NO_PIXELS)
    if not pixels_are_whole(stream, pixels, _native_length(values, header.geometry)):
        raise Unfit(TRUNCATED)
    return header


def _read(stream: BytesIO, syntax: uid.UID) -> tuple[Dataset, PixelElement | None]:
    """Read up to the pixels and note where they start; None when the dataset ends before them.

    Elements of undefined length, of which none is wanted, are stepped over.
    """
    stops: list[tuple[int, str | None, int]] = []
    stepper = Stepper(stream, is_little_endian=syntax.is_little_endian)

    def at_stop(tag: BaseTag, vr: str | None, length: int) -> bool:
        stepper.count()
        if int(tag) >= _PIXEL_DATA or length == UNDEFINED:
            stops.append((int(tag), vr, length))
        return bool(stops)

    found = _read_flat(stream, syntax, at_stop)
    while stops and stops[-1][0] < _PIXEL_DATA:
        stops.clear()
        stepper.over(is_implicit=found.original_encoding[0] is True)
        for element in _read_flat(stream, syntax, at_stop).values():
            found[element.tag] = element
    if not stops or stops[-1][0] != _PIXEL_DATA:
        return found, None
    _, vr, length = stops[-1]
    start = stream.tell() + (12 if (vr or "").encode() in LONG else 8)
    return found, PixelElement(start, length, syntax.is_little_endian)


def _read_flat(
    stream: BytesIO, syntax: uid.UID, at_stop: Callable[[BaseTag, str | None, int], bool]
) -> Dataset:
    try:
        return read_dataset(
            stream,
            syntax.is_implicit_VR,
            syntax.is_little_endian,
            stop_when=at_stop,
            specific_tags=_WANTED,
        )
    except OSError:  # the disk's doing, on which a long dataset lies
        raise
    except Exception:
        # Whatever pydicom raises here (struct.error, RecursionError, KeyError, ...) is the peer's doing.
        raise Unfit(UNREADABLE) from None


def _geometry(values: _Values) -> ImageGeometry:
    position = values.decimals(_IMAGE_POSITION, 3)
    orientation = values.decimals(_IMAGE_ORIENTATION, 6)
    modality = values.text(_MODALITY)
    return ImageGeometry(
        rows=values.short(_ROWS),
        columns=values.short(_COLUMNS),
        number_of_frames=values.frames(),
        position=cast("tuple[float, float, float] | None", position),
        orientation=cast("tuple[float, float, float, float, float, float] | None", orientation),
        modality=modality if modality is not None and _CODE_STRING.fullmatch(modality) else None,
    )


def _native_length(values: _Values, geometry: ImageGeometry) -> int | None:
    """Bytes that native pixels take (PS3.5 8.1.1), or None when the header does not say."""
    bits, samples = values.short(_BITS_ALLOCATED), values.short(_SAMPLES_PER_PIXEL) or 1
    if geometry.rows is None or geometry.columns is None or bits is None:
        return None
    return math.ceil(geometry.rows * geometry.columns * samples * geometry.number_of_frames * bits / 8)


class _Values:
    """Raw values of a dataset, read leniently: what cannot be read is None."""

    def __init__(self, dataset: Dataset) -> None:
        # As they were read: asked by its tag, pydicom converts an empty value, and raises where it cannot.
        self._values = {int(element.tag): element.value for element in dataset.values()}
        self._order: Literal["little", "big"] = "little" if dataset.original_encoding[1] else "big"

    def _raw(self, tag: int) -> bytes | None:
        value = self._values.get(tag)
        return value if isinstance(value, bytes) else None

    def text(self, tag: int) -> str | None:
        raw = self._raw(tag)
        return None if raw is None else raw.decode("latin-1").strip(" \0")

    def uid(self, tag: int) -> str:
        text = self.text(tag)
        if text is None or not is_uid(text):
            raise Unfit(INVALID_UID)
        return text

    def short(self, tag: int) -> int | None:
        raw = self._raw(tag)
        return None if raw is None or len(raw) != 2 else int.from_bytes(raw, self._order)

    def decimals(self, tag: int, count: int) -> tuple[float, ...] | None:
        written = (self.text(tag) or "").replace(",", ".")  # decimal commas are found in the field
        try:
            numbers = tuple(float(part) for part in written.split("\\"))
        except ValueError:
            return None
        # NaN is no number of this range either.
        return numbers if len(numbers) == count and all(abs(n) <= _FARTHEST_MM for n in numbers) else None

    def frames(self) -> int:
        text = self.text(_NUMBER_OF_FRAMES)
        number = int(text) if text is not None and re.fullmatch(r"[+]?[0-9]{1,9}", text, re.ASCII) else 1
        return min(max(number, 1), _MOST_FRAMES)
