"""Texts of a header in the letters they were written in, whatever its Specific Character Set says.

Values are taken from the bytes: pydicom puts replacement characters where a header's bytes are not in the set
that it declares (PS3.3 C.12.1.1.2), and names would lose letters that the bytes still hold.
"""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator

from pydicom.charset import CODES_TO_ENCODINGS, decode_bytes, default_encoding
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.valuerep import TEXT_VR_DELIMS

_IN_CHARACTER_SET = frozenset({"PN", "SH", "LO", "ST", "LT", "UC", "UT"})  # PS3.5 6.1.2.2
_IN_ASCII = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})
TEXT_VRS = _IN_CHARACTER_SET | _IN_ASCII
_OF_ONE_VALUE = frozenset({"ST", "LT", "UT", "UR"})  # a backslash in them separates nothing
_OF_LINES = frozenset({"ST", "LT", "UT"})
_LINE_CONTROLS = "\t\n\r\f"
_ESCAPE = b"\x1b"
_TO_GB_2312 = "\x1b$)A"  # ISO 2022 IR 58; pydicom leaves it to a codec that leaves it in the text
_WESTERN = (default_encoding, "latin_1")
_REPLACEMENT = "�"


def texts(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of an attribute of text, without padding and control characters.

    Empty where the attribute is absent, empty or unreadable. Its value representation is taken from the
    standard, whichever was written.
    """
    tag, vr = _tag(keyword), dictionary_VR(keyword)
    try:
        element = ds.get_item(tag)
        value: object = element.value if element is not None else None
        if isinstance(value, bytes):
            found = _split(_decoded(value, vr, ds), vr)
        else:
            many = value if isinstance(value, MultiValue) else [value]
            found = [str(each) for each in many if each is not None]
    except Exception:  # whatever a broken element makes of the parser, it holds no text for us
        return ()
    cleaned = tuple(_clean(value, vr) for value in found)
    return cleaned if any(cleaned) else ()


def text(ds: Dataset, keyword: str) -> str:
    """The first value; "" where there is none."""
    return next(iter(texts(ds, keyword)), "")


def _decoded(value: bytes, vr: str, ds: Dataset) -> str:
    if vr not in _IN_CHARACTER_SET:
        return value.decode("latin-1")
    declared = ds.original_character_set
    encodings = [declared] if isinstance(declared, str) else list(declared or [default_encoding])
    for candidate in _candidates(encodings, escaped=_ESCAPE in value):
        letters = _strictly(value, candidate)
        if letters is not None:
            return letters
    return "".join("?" if _is_c1(letter) else letter for letter in value.decode("latin-1"))


def _is_c1(letter: str) -> bool:
    """Whether a byte that no set explains would vanish as a control character: that it is there is told."""
    return "\x80" <= letter <= "\x9f"


def _candidates(declared: list[str], *, escaped: bool) -> Iterator[list[str]]:
    """Encodings to try in turn.

    What is declared comes first, so that the result says what every reader of the source reads. Where
    nothing is declared, or no set that exists, bytes beyond ASCII are UTF-8 if they can be. Escape sequences
    of a code extension that is not declared name their set themselves (PS3.5 6.1.2.5). Where Latin-1 holds
    control characters, the machine that wrote them meant Windows-1252.
    """
    if escaped:
        yield declared
        yield [declared[0], *dict.fromkeys(CODES_TO_ENCODINGS.values())]
    elif declared[0] != default_encoding:
        yield declared
    yield ["utf_8"]
    if declared[0] in _WESTERN:
        yield ["cp1252"]


def _strictly(value: bytes, encodings: list[str]) -> str | None:
    """The letters that the bytes stand for; None where some stand for none, or for a control character."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            letters = decode_bytes(value, encodings, TEXT_VR_DELIMS).replace(_TO_GB_2312, "")
        except (UnicodeError, LookupError):
            return None
    padding = letters.rstrip(" \0")
    return None if _REPLACEMENT in letters or _has_controls(padding) else letters


def _has_controls(letters: str) -> bool:
    return any(unicodedata.category(c) == "Cc" and c not in _LINE_CONTROLS for c in letters)


def _split(letters: str, vr: str) -> list[str]:
    return [letters] if vr in _OF_ONE_VALUE else letters.split("\\")


def _clean(value: str, vr: str) -> str:
    """A value up to its first NUL, without control characters and padding."""
    allowed = _LINE_CONTROLS if vr in _OF_LINES else ""
    kept = "".join(c for c in value.split("\0")[0] if c in allowed or unicodedata.category(c) != "Cc")
    return kept.rstrip() if vr in _OF_LINES else kept.strip()


def _tag(keyword: str) -> BaseTag:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return BaseTag(tag)
