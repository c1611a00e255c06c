"""Text of headers in whatever character set it was written, declared or not (PS3.5 6.1, PS3.3 C.12.1.1.2)."""

from __future__ import annotations

import unicodedata
import warnings

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import texts

_ESCAPE = b"\x1b"
_GUESSES = ("utf-8", "iso2022_jp_2")
_DELIMITERS = {ord(character) for character in "\\^="}


def read_text(ds: Dataset, keyword: str) -> str:
    """The whole value of a text attribute, stripped; never raises, "" where there is none."""
    return _decode(_raw(ds, keyword), _encodings(ds)).strip(" \0\t\r\n")


def is_undeclared(ds: Dataset, keyword: str) -> bool:
    """Whether a value holds characters that the declared character sets do not (PS3.5 6.1.2.2)."""
    raw = _raw(ds, keyword)
    if raw.isascii() and _ESCAPE not in raw:
        return False
    encodings = _encodings(ds)
    return not encodings or _decoded(raw, encodings) is None


def name_keys(name: str) -> frozenset[str]:
    """Each representation of a Person Name (alphabetic, ideographic, phonetic) in a form to compare.

    Case, width, accents, punctuation and the order of components count for nothing.
    """
    keys = (_folded(group) for group in name.split("="))
    return frozenset(key for key in keys if key)


def _folded(group: str) -> str:
    plain = unicodedata.normalize("NFKD", group).casefold()
    kept = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return " ".join(sorted(kept.split()))


def _raw(ds: Dataset, keyword: str) -> bytes:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    if tag not in ds:
        return b""
    try:
        element: object = ds.get_item(tag)
        value = element.value if isinstance(element, RawDataElement) else ds[tag].value
    except Exception:  # whatever a broken element makes of the parser, it holds no text
        return b""
    if isinstance(value, bytes):
        return value
    joined = "\\".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "")
    return joined.encode("utf-8")


def _encodings(ds: Dataset) -> list[str]:
    """Python's names of the declared character sets; none where none is declared or known."""
    declared = list(texts(ds, "SpecificCharacterSet"))
    if not any(declared):
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return list(convert_encodings(declared))
    except Exception:  # an unknown name
        return []


def _decode(raw: bytes, encodings: list[str]) -> str:
    if raw.isascii() and _ESCAPE not in raw:
        return raw.decode("ascii")
    declared = _decoded(raw, encodings) if encodings else None
    if declared is not None:
        return declared
    for guess in _GUESSES:
        try:
            return raw.decode(guess)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def _decoded(raw: bytes, encodings: list[str]) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return decode_bytes(raw, encodings, _DELIMITERS)
    except Exception:  # bytes that the character set has no characters for
        return None
