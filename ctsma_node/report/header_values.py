"""Copies of a header's attributes as an object may hold them, in Unicode; the header stays as it is."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom import config
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ctsma_node.report.attributes import AS_FOUND, REQUIRED_IN_ITEM, WHOLE
from ctsma_node.report.header_text import TEXT_VRS, texts
from ctsma_node.report.representations import written


def copied(header: Dataset, keywords: Iterable[str]) -> Dataset:
    """Those of the attributes that are there with something to say.

    Identifiers of patient, study and order are copied as they are, other texts as their value representation
    writes them, sequences item by item. Validation is off, since its warnings would quote the value.
    """
    return _copied(header, keywords, AS_FOUND)


def _copied(header: Dataset, keywords: Iterable[str], as_found: frozenset[str]) -> Dataset:
    ds = Dataset()
    for keyword in keywords:
        vr = dictionary_VR(keyword)
        found = _items(header, keyword) if vr == "SQ" else _values(header, keyword, as_found)
        if found:
            ds.add(DataElement(keyword, vr, list(found), validation_mode=config.IGNORE))
    return ds


def value(header: Dataset, keyword: str) -> str:
    """The first value of an attribute of text as an object may say it; "" where there is none."""
    return next(iter(values(header, keyword)), "")


def values(header: Dataset, keyword: str) -> tuple[str, ...]:
    """All values of an attribute of text; none where one of them cannot be said."""
    return _values(header, keyword, AS_FOUND)


def _values(header: Dataset, keyword: str, as_found: frozenset[str]) -> tuple[str, ...]:
    vr = dictionary_VR(keyword)
    found = texts(header, keyword) if vr in TEXT_VRS else ()
    if keyword in as_found:
        return found
    if len(found) > 1 and dictionary_VM(keyword) == "1":
        if keyword in WHOLE:
            return ()
        found = ("/".join(found),)  # a backslash that was meant as a letter
    said = tuple(written(each, keyword, vr) for each in found)
    return said if all(said) else ()


def _items(header: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence that hold what their macro requires, without private attributes."""
    try:
        items = tuple(header[keyword].value)
    except Exception:  # absent, or whatever a broken sequence makes of the parser
        return ()
    copies = (_item(item) for item in items)
    return tuple(item for item in copies if _is_whole(item, keyword))


def _item(item: Dataset) -> Dataset:
    """A copy of an item; a code too long for a Code Value is a Long Code Value (PS3.3 table 8.8-1)."""
    ds = _copied(item, _public(item), frozenset())
    code = texts(item, "CodeValue")
    if len(code) == 1 and not {"CodeValue", "LongCodeValue", "URNCodeValue"} & set(ds.dir()):
        ds.LongCodeValue = code[0]
    if "ContextGroupVersion" not in ds:  # required beside it (table 8.8-1)
        ds.pop("ContextIdentifier", None)
    return ds


def _public(item: Dataset) -> list[str]:
    return [keyword for keyword in item.dir() if keyword != "SpecificCharacterSet"]


def _is_whole(item: Dataset, keyword: str) -> bool:
    kind = "CodeSequence" if keyword.endswith("CodeSequence") else keyword
    alternatives = REQUIRED_IN_ITEM.get(kind, ())
    return any(all(required in item for required in each) for each in alternatives)
