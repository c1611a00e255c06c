"""Whether values have the form that their value representation asks for (PS3.5 6.2, table 6.2-1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from pydicom import config
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.valuerep import validate_value

from ctsma_node.validation.attributes import (
    SEVERAL_CHARACTER_SETS,
    Attributes,
    Element,
    decoded,
    name_of,
)
from ctsma_node.validation.walk import Fault

_SIZES = {"AT": 4, "FD": 8, "FL": 4, "OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2, "SL": 4, "SS": 2}
_SIZES |= {"SV": 8, "UL": 4, "US": 2, "UV": 8}
_SMALL = 256  # bytes of a value that is worth keeping what was found of it
_ONE_VALUE = frozenset(("LT", "ST", "UR", "UT", "UN", "OB", "OD", "OF", "OL", "OV", "OW", "SQ"))
_BINARY = frozenset(("OB", "UN"))
_PARAGRAPHS = frozenset(("LT", "ST", "UT"))
_CONTROL = re.compile(r"[\x00-\x1a\x1c-\x1f\x7f]")  # all but ESC
_CONTROL_IN_PARAGRAPHS = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")  # nor TAB, LF, FF, CR
_FORMS = {
    "AE": "at most 16 characters, not only spaces",
    "AS": "three digits and D, W, M or Y",
    "CS": "at most 16 of A-Z, 0-9, space and underscore",
    "DA": "a day as YYYYMMDD",
    "DS": "a decimal number of at most 16 characters",
    "DT": "YYYYMMDDHHMMSS.FFFFFF&ZZXX",
    "IS": "a whole number of at most 12 characters",
    "LO": "at most 64 characters",
    "PN": "at most three groups of 64 characters",
    "SH": "at most 16 characters",
    "TM": "a time as HHMMSS.FFFFFF",
    "UI": "at most 64 digits and dots, no component with a leading zero",
}


def value_faults(attributes: Attributes) -> Iterator[Fault]:
    """Values of one level that break the rules of their representation, or come in the wrong number."""
    for element in attributes:
        for code, sentence in element_faults(element, attributes.encodings):
            yield name_of(element.tag), code, sentence


@lru_cache(maxsize=16384)
def _small_element_faults(element: Element, encodings: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(_faults(element, encodings))


def element_faults(element: Element, encodings: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Code and sentence of every fault of an element, its items aside."""
    if element.items is not None:
        element = Element(element.tag, element.vr, b"")
    if len(element.value) > _SMALL:
        return tuple(_faults(element, encodings))
    return _small_element_faults(element, encodings)


def _faults(element: Element, encodings: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    allowed = _allowed(element.tag)
    if allowed and element.vr not in allowed:
        yield "wrong_vr", f"It is encoded as {element.vr}, where PS3.6 says {' or '.join(allowed)}."
        return
    size = _SIZES.get(element.vr)
    if size and len(element.value) % size:
        yield "value_length", f"{len(element.value)} bytes are no multiple of the {size} of {element.vr}."
        return
    values: tuple[str, ...] = ()
    if size is None and element.vr not in _BINARY | {"SQ"}:
        text = decoded(element, encodings)
        if "\ufffd" in text:
            yield "character_set", "The bytes are not of the character set that is declared (0008,0005)."
            return
        values = _values(element.vr, text)
        yield from _form_faults(element, text, values)
    yield from _number_faults(element, len(element.value) // size if size else len(values))


def _values(vr: str, text: str) -> tuple[str, ...]:
    if not text.strip(" \0"):
        return ()
    return (text,) if vr in _ONE_VALUE else tuple(text.split("\\"))


def _form_faults(element: Element, text: str, values: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Form and length of each value; the text may be padded at its end (PS3.5 6.2)."""
    vr = element.vr
    if vr == "UI":
        values = tuple(value.removesuffix("\0") for value in values)
    elif text.endswith("\0"):
        yield "padding", f"A {vr} is padded with a space, not with a null byte."
        return
    if vr in SEVERAL_CHARACTER_SETS:
        wrong = _CONTROL_IN_PARAGRAPHS if vr in _PARAGRAPHS else _CONTROL
        if wrong.search(text):
            yield "control_character", f"A {vr} holds no control characters of this kind."
            return
    if any(not _is_of_form(vr, value) for value in values):
        yield "value_form", f"A value of {vr} is {_FORMS.get(vr, 'of another form or length')}."


def _is_of_form(vr: str, value: str) -> bool:
    stripped = value.strip(" ") if vr in ("DS", "IS", "CS", "AE", "LO", "SH") else value.rstrip(" ")
    try:
        validate_value(vr, stripped, config.RAISE)
        if vr == "DA" and stripped:
            date.fromisoformat(stripped)  # a day that the calendar has, and no range
    except ValueError:
        return False
    return not (vr == "TM" and "-" in stripped)


def _number_faults(element: Element, count: int) -> Iterator[tuple[str, str]]:
    """Value multiplicity (PS3.6 table 6-1); an empty value has none."""
    if not element.value or element.vr in _ONE_VALUE:
        return
    least, most, step = _multiplicity(element.tag)
    if count and (count < least or (most and count > most) or (count - least) % step):
        wanted = f"{least} to {most or 'n'}" if most != least else str(least)
        yield "multiplicity", f"It holds {count} values, where PS3.6 says {wanted}."


@lru_cache(maxsize=8192)
def _allowed(tag: int) -> tuple[str, ...]:
    """Value representations of PS3.6; none for a private tag or one of a later edition."""
    try:
        found = dictionary_VR(tag)
    except KeyError:
        return ()
    return (*found.split(" or "), "UN")


@lru_cache(maxsize=8192)
def _multiplicity(tag: int) -> tuple[int, int, int]:
    """Least, most (0: no limit) and step of a multiplicity such as 1, 1-3, 2-n, 3-3n."""
    try:
        stated = dictionary_VM(tag)
    except KeyError:
        return 1, 0, 1
    if " or " in stated:
        return 1, 0, 1
    low, _, high = stated.partition("-")
    if not high:
        return int(low), int(low), 1
    if high.endswith("n"):
        return int(low), 0, int(high[:-1] or "1")
    return int(low), int(high), 1
