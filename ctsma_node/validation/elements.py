"""The elements of an encoded dataset exactly as they stand (PS3.5 7), and nothing repaired.

pydicom reads what others wrote and is lenient: it drops repeated elements, sorts them, and pads what is odd.
Here the encoding is what is being judged, so it is read byte by byte. What is encoded twice (a code that a
thousand content items name) is read once: `Reader` keeps the items of every sequence by their bytes.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR

from ctsma_node.validation.attributes import Attributes, Element, name_of
from ctsma_node.validation.pointing import References

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF
DEEPEST = 32
_LONG = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
_SHORT = frozenset(
    ("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST")
) | {"TM", "UI", "UL", "US"}
_CHARACTER_SET, _PIXELS = 0x00080005, 0x7FE00010
_HEAD, _LENGTH = struct.Struct("<HH2sH"), struct.Struct("<L")
_ITEM_HEAD = struct.Struct("<HHL")


class StructureError(ValueError):
    """The bytes cannot be read as data elements; the message names the place and no value."""


class Reader:
    """Reads datasets in little endian; sequences of equal bytes give the same items."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bool, tuple[str, ...]], tuple[Attributes, ...]] = {}
        self.references: References = {}  # of what was read

    def dataset(self, encoded: bytes, implicit: bool = False) -> Attributes:
        """The attributes of a whole dataset (PS3.5 7.1; implicit: 7.1.3); raises StructureError."""
        return self._attributes(encoded, 0, len(encoded), implicit, ("ascii",), 0)[0]

    def _attributes(
        self, data: bytes, position: int, end: int, implicit: bool, encodings: tuple[str, ...], depth: int
    ) -> tuple[Attributes, int]:
        """The elements up to `end`, or up to the delimiter of the item they stand in."""
        if depth > DEEPEST:
            raise StructureError(f"Sequences are nested deeper than {DEEPEST} levels.")
        found, last = Attributes(encodings), -1
        while position < end:
            tag, vr, length, position = _head(data, position, end, implicit)
            if tag == ITEM_END:
                return found, position
            element, position = self._element(data, position, end, tag, vr, length, implicit, found, depth)
            if tag <= last:
                found.faults.append((tag, "repeated_attribute" if tag in found.elements else "tag_order"))
            if len(element.value) % 2:
                found.faults.append((tag, "odd_length"))
            if tag == _CHARACTER_SET:
                found.encodings = encodings_of(element.value)
            found.elements[tag], last = element, tag
        return found, position

    def _element(
        self,
        data: bytes,
        position: int,
        end: int,
        tag: int,
        vr: str,
        length: int,
        implicit: bool,
        within: Attributes,
        depth: int,
    ) -> tuple[Element, int]:
        if length == UNDEFINED and tag == _PIXELS:
            return _encapsulated(data, position, end, tag, vr)
        implicit = implicit or vr == "UN"  # PS3.5 6.2.2, note on sequences of unknown representation
        if length == UNDEFINED:
            items, position = self._items(data, position, end, implicit, within.encodings, depth)
            return Element(tag, "SQ", b"", items), position
        if length > end - position:
            raise StructureError(
                f"{name_of(tag)} says it has {length} bytes, but only {end - position} follow."
            )
        value = data[position : position + length]
        if vr != "SQ":
            return Element(tag, vr, value), position + length
        key = (value, implicit, within.encodings)
        known = self._known.get(key)
        if known is None:
            known, _ = self._items(value, 0, length, implicit, within.encodings, depth)
            self._known[key] = known
        return Element(tag, vr, value, known), position + length

    def _items(
        self, data: bytes, position: int, end: int, implicit: bool, encodings: tuple[str, ...], depth: int
    ) -> tuple[tuple[Attributes, ...], int]:
        """Items up to `end` or the delimiter of the sequence (PS3.5 7.5)."""
        items: list[Attributes] = []
        while position < end:
            tag, length, position = _item_head(data, position, end)
            if tag == SEQUENCE_END:
                break
            if tag != ITEM:
                raise StructureError(f"{name_of(tag)} stands where an item of a sequence should begin.")
            stop = end if length == UNDEFINED else position + length
            if stop > end:
                raise StructureError("An item of a sequence is longer than the sequence.")
            item, position = self._attributes(data, position, stop, implicit, encodings, depth + 1)
            items.append(item)
        return tuple(items), position


def _head(data: bytes, position: int, end: int, implicit: bool) -> tuple[int, str, int, int]:
    """Tag, value representation, length, and where the value begins (PS3.5 7.1.2, 7.1.3)."""
    if end - position < 8:
        raise StructureError(f"{end - position} bytes are left over, too few for an element.")
    group, number, letters, short = _HEAD.unpack_from(data, position)
    tag = group << 16 | number
    if implicit or group == 0xFFFE:
        return tag, implicit_vr(tag), _LENGTH.unpack_from(data, position + 4)[0], position + 8
    vr = letters.decode("latin-1")
    if vr in _SHORT:
        return tag, vr, short, position + 8
    if vr not in _LONG:
        raise StructureError(f"{name_of(tag)} has no value representation that the standard knows.")
    if end - position < 12:
        raise StructureError(f"{name_of(tag)} ends before its length.")
    return tag, vr, _LENGTH.unpack_from(data, position + 8)[0], position + 12


def _item_head(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    if end - position < 8:
        raise StructureError("A sequence ends in the middle of an item.")
    group, number, length = _ITEM_HEAD.unpack_from(data, position)
    return group << 16 | number, length, position + 8


def _encapsulated(data: bytes, position: int, end: int, tag: int, vr: str) -> tuple[Element, int]:
    """Pixel Data in fragments after a Basic Offset Table (PS3.5 A.4)."""
    begin = position
    lengths: list[int] = []
    while True:
        item, length, position = _item_head(data, position, end)
        if item == SEQUENCE_END:
            break
        if item != ITEM or length > end - position:
            raise StructureError("The fragments of the pixel data do not end as they should.")
        lengths.append(length)
        position += length
    return Element(tag, vr, data[begin:position], None, tuple(lengths[1:])), position


@lru_cache(maxsize=8192)
def implicit_vr(tag: int) -> str:
    """The value representation that PS3.6 gives a tag; UN where it gives none, the first of several."""
    if tag >> 16 & 1:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"
    try:
        return dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        return "UN"


@lru_cache(maxsize=64)
def encodings_of(value: bytes) -> tuple[str, ...]:
    """Python's names for a Specific Character Set (PS3.3 C.12.1.1.2); unknown terms are left out."""
    terms = value.decode("ascii", "replace").strip(" \0").split("\\")
    known = [python_encoding[term.strip()] for term in terms if term.strip() in python_encoding]
    return tuple("ascii" if name in ("", "iso8859") else name for name in known) or ("ascii",)
