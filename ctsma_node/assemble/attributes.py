"""Attribute values read the way they are found in the field, not only the way PS3.5 writes them.

Values are taken from the bytes, so that a comma as decimal sign, a decimal string longer than 16 characters,
NUL padding or a wrong VR neither raises nor prints a warning that quotes the value. The unreadable is None.
"""

from __future__ import annotations

import math

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

_TEXT_VRS = frozenset({"AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "SH", "ST", "TM", "UI", "UT"})
_PADDING = " \0\t\r\n"

MOST = 1e6
"""No measure of a CT is larger, in mm, HU or ms: that is what a writer left unset, and its sums overflow."""


def texts(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of an attribute as stripped text; empty where it is absent, empty or unreadable."""
    return tuple(str(value).strip(_PADDING) for value in _values(ds, keyword))


def text(ds: Dataset, keyword: str) -> str:
    """The first value as stripped text; "" where there is none."""
    return next(iter(texts(ds, keyword)), "")


def number(ds: Dataset, keyword: str) -> float | None:
    """The first value as a number that can be a measure: finite, and of at most MOST."""
    return _measure(text(ds, keyword))


def numbers(ds: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly `count` numbers that can be measures, or None."""
    found = tuple(_measure(value) for value in texts(ds, keyword))
    readable = tuple(value for value in found if value is not None)
    return readable if len(found) == len(readable) == count else None


def whole(ds: Dataset, keyword: str) -> int | None:
    """The first value as an integer, which may be a number of any size and not a measure."""
    value = _finite(text(ds, keyword))
    return int(value) if value is not None and value == int(value) else None


def items(ds: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence; empty where it is absent, empty or unreadable."""
    return tuple(item for item in _values(ds, keyword) if isinstance(item, Dataset))


def bits16(ds: Dataset, keyword: str, *, signed: bool) -> int | None:
    """A 16-bit value in the sign of the pixel data, whichever of US and SS it was written as (PS3.5 A.1)."""
    tag = _tag(keyword)
    element: object = ds.get_item(tag) if tag in ds else None
    if isinstance(element, RawDataElement) and element.value is not None and len(element.value) == 2:
        value: int | None = int.from_bytes(element.value, "little" if element.is_little_endian else "big")
    else:
        value = whole(ds, keyword)
    if value is None:
        return None
    wrapped = value & 0xFFFF
    return wrapped - 0x10000 if signed and wrapped >= 0x8000 else wrapped


def _values(ds: Dataset, keyword: str) -> tuple[object, ...]:
    tag = _tag(keyword)
    if tag not in ds:
        return ()
    try:
        element: object = ds.get_item(tag)
        if isinstance(element, RawDataElement) and _is_text(element):
            return _split(element.value or b"")
        value = ds[tag].value
    except Exception:  # whatever a broken element makes of the parser, it holds no value for us
        return ()
    if value is None:
        return ()
    if isinstance(value, str | bytes):
        return _split(value)
    return tuple(value) if hasattr(value, "__iter__") else (value,)


def _split(value: str | bytes) -> tuple[str, ...]:
    joined = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return tuple(joined.split("\\")) if joined.strip(_PADDING) else ()


def _is_text(element: RawDataElement) -> bool:
    vr = element.VR if element.VR not in (None, "UN") else dictionary_VR(element.tag)
    return vr in _TEXT_VRS


def _tag(keyword: str) -> BaseTag:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return BaseTag(tag)


def _measure(value: str) -> float | None:
    parsed = _finite(value)
    return parsed if parsed is not None and abs(parsed) <= MOST else None


def _finite(value: str) -> float | None:
    try:
        parsed = float(value.replace(",", "."))
    except ValueError:
        return None
    return parsed if math.isfinite(parsed) else None
