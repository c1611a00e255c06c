"""A dataset or an item of a sequence as it was encoded, with its values decoded when somebody asks."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

from pydicom.charset import decode_bytes
from pydicom.datadict import keyword_for_tag, tag_for_keyword

_FORMATS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
_NAME_PARTS = {0x5E, 0x3D}  # ^ and = end what an escape sequence said (PS3.5 6.1.2.5.3)
_BACKSLASH = {0x5C}
_SMALL = 256  # bytes of a value that is worth keeping what it says
SEVERAL_CHARACTER_SETS = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""Value representations that Specific Character Set applies to (PS3.5 6.1.2.3)."""


class Element(NamedTuple):
    """One data element; a tuple, since a set has a hundred thousand of them."""

    tag: int
    vr: str
    value: bytes  # padding included; of encapsulated pixels all their items
    items: tuple[Attributes, ...] | None = None  # of a sequence
    fragments: tuple[int, ...] | None = None  # their lengths, of encapsulated pixels


class Attributes:
    """Elements by tag in the order of the file, and what was odd in how they were encoded."""

    __slots__ = ("elements", "encodings", "faults")

    def __init__(self, encodings: tuple[str, ...]) -> None:
        self.elements: dict[int, Element] = {}
        self.encodings = encodings
        self.faults: list[tuple[int, str]] = []  # tag, code

    def __contains__(self, keyword: str) -> bool:
        return tag_of(keyword) in self.elements

    def __iter__(self) -> Iterator[Element]:
        return iter(self.elements.values())

    def is_empty(self, keyword: str) -> bool:
        """Whether an attribute is absent, of zero length or of padding alone."""
        element = self.elements.get(tag_of(keyword))
        if element is None:
            return True
        if element.items is not None:
            return not element.items
        return not element.value.strip(b" \0") if element.vr in _TEXT else not element.value

    def items(self, keyword: str) -> tuple[Attributes, ...]:
        """The items of a sequence; none where it is absent."""
        element = self.elements.get(tag_of(keyword))
        return () if element is None or element.items is None else element.items

    def first(self, *keywords: str) -> Attributes | None:
        """The first item of a sequence, and in it the first item of the next one, and so on."""
        found: Attributes | None = self
        for keyword in keywords:
            items = found.items(keyword) if found is not None else ()
            found = items[0] if items else None
        return found

    def text(self, keyword: str) -> str:
        """The whole value of a text without its padding; "" where it is absent or cannot be decoded."""
        element = self.elements.get(tag_of(keyword))
        if element is None or element.items is not None:
            return ""
        return decoded(element, self.encodings).strip(" \0")

    def texts(self, keyword: str) -> tuple[str, ...]:
        """The values of a text, which backslashes part."""
        text = self.text(keyword)
        return tuple(value.strip(" ") for value in text.split("\\")) if text else ()

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """The values of a number, whatever its representation; none where one cannot be read."""
        element = self.elements.get(tag_of(keyword))
        if element is None:
            return ()
        read = numbers_in if len(element.value) <= _SMALL else numbers_in.__wrapped__
        try:
            return read(element)
        except (ValueError, struct.error):
            return ()

    def number(self, keyword: str) -> float | None:
        """The first value of a number, or None."""
        values = self.numbers(keyword)
        return values[0] if values else None

    def integer(self, keyword: str, absent: int = 0) -> int:
        """The first value of a whole number, or `absent`."""
        value = self.number(keyword)
        return absent if value is None or value != value // 1 else int(value)


_TEXT = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR")) | SEVERAL_CHARACTER_SETS


def decoded(element: Element, encodings: tuple[str, ...]) -> str:
    """The text of an element, padding included; what cannot be decoded is replaced by U+FFFD."""
    if element.vr not in SEVERAL_CHARACTER_SETS:
        return element.value.decode("ascii", "replace")
    if len(encodings) == 1 and 0x1B not in element.value:
        return element.value.decode(encodings[0], "replace")
    delimiters = _BACKSLASH | (_NAME_PARTS if element.vr == "PN" else set())
    try:
        return decode_bytes(element.value, encodings, delimiters)
    except (LookupError, UnicodeError):
        return element.value.decode("ascii", "replace")


@lru_cache(maxsize=16384)
def numbers_in(element: Element) -> tuple[float, ...]:
    """The values of a number; raises ValueError or struct.error where one cannot be read."""
    if element.vr in ("DS", "IS"):
        text = element.value.decode("ascii").strip(" \0")
        return tuple(float(value) for value in text.split("\\")) if text else ()
    letter = _FORMATS.get(element.vr)
    if letter is None:
        raise ValueError(f"{element.vr} holds no numbers")
    return struct.unpack(f"<{len(element.value) // struct.calcsize(letter)}{letter}", element.value)


@cache
def tag_of(keyword: str) -> int:
    """The tag of an attribute of the standard; raises ValueError for another keyword."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is no attribute of the standard")
    return tag


@cache
def name_of(tag: int) -> str:
    """Keyword of a tag, or the tag as (gggg,eeee)."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
