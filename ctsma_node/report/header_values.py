"""Copies of a header's attributes as an object may hold them, in Unicode; the header stays as it is."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom import config
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ctsma_node.report.attributes import AS_FOUND, REQUIRED_IN_ITEM
from ctsma_node.report.header_text import TEXT_VRS, texts
from ctsma_node.report.representations import written


def copied(header: Dataset, keywords: Iterable[str]) -> Dataset:
    """Those of the attributes that are there with something to say.

    Identifiers are copied as they are, other texts as their value representation writes them, sequences item
    by item. Validation is off, since its warnings would quote the value.
    """
    ds = Dataset()
    for keyword in keywords:
        vr = dictionary_VR(keyword)
        found = _items(header, keyword) if vr == "SQ" else values(header, keyword)
        if found:
            ds.add(DataElement(keyword, vr, list(found), validation_mode=config.IGNORE))
    return ds


def value(header: Dataset, keyword: str) -> str:
    """The first value of an attribute of text as an object may say it; "" where there is none."""
    return next(iter(values(header, keyword)), "")


def values(header: Dataset, keyword: str) -> tuple[str, ...]:
    """All values of an attribute of text; none where one of them cannot be said."""
    vr = dictionary_VR(keyword)
    found = texts(header, keyword) if vr in TEXT_VRS else ()
    if keyword in AS_FOUND:
        return found
    if found and dictionary_VM(keyword) == "1":
        found = ("/".join(found),)  # a backslash that was meant as a letter
    said = tuple(written(each, keyword, vr) for each in found)
    return said if all(said) else ()


def _items(header: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence that hold what their macro requires, without private attributes."""
    try:
        items = tuple(header[keyword].value)
    except Exception:  # absent, or whatever a broken sequence makes of the parser
        return ()
    copies = (copied(item, _public(item)) for item in items)
    return tuple(item for item in copies if _is_whole(item, keyword))


def _public(item: Dataset) -> list[str]:
    return [keyword for keyword in item.dir() if keyword != "SpecificCharacterSet"]


def _is_whole(item: Dataset, keyword: str) -> bool:
    kind = "CodeSequence" if keyword.endswith("CodeSequence") else keyword
    alternatives = REQUIRED_IN_ITEM.get(kind, ())
    return any(all(required in item for required in each) for each in alternatives)
