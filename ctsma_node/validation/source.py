"""The series that a set was made from, as the checks compare with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ctsma_node.validation.attributes import Attributes, name_of
from ctsma_node.validation.references import Known

_UNREADABLE = (KeyError, ValueError, TypeError, ArithmeticError, NotImplementedError)


@dataclass(frozen=True)
class Source:
    """Instances of the analysed series by UID, and its first header as pydicom reads it."""

    instances: Mapping[str, Known]
    header: Dataset

    def text(self, keyword: str) -> str | None:
        """The value of an attribute as one text, without its padding; None where it cannot be decoded."""
        try:
            return text_of(self.header, keyword)
        except _UNREADABLE:
            return None

    @cached_property
    def uids(self) -> frozenset[str]:
        """UIDs that objects take over as they stand: they name what is in the archive."""
        known = {uid for each in self.instances.values() for uid in (each.sop_class_uid, each.series_uid)}
        own = {self.text(keyword) or "" for keyword in ("StudyInstanceUID", "FrameOfReferenceUID")}
        return frozenset((*self.instances, *known, *own)) - {""}

    def holds(self, keyword: str, items: Sequence[Attributes]) -> bool:
        """Whether a sequence of the header has just these items."""
        try:
            sequence = self.header[keyword]
            return sequence.VR == "SQ" and _are_equal(items, sequence.value)
        except _UNREADABLE:
            return False


def source_of(headers: Sequence[Dataset]) -> Source:
    """The source with these headers, single- or multi-frame."""
    known = {
        text_of(ds, "SOPInstanceUID"): Known(
            text_of(ds, "SOPClassUID"), text_of(ds, "SeriesInstanceUID"), text_of(ds, "StudyInstanceUID")
        )
        for ds in headers
    }
    return Source(known, headers[0])


def text_of(ds: Dataset, keyword: str) -> str:
    """The value of an attribute as one text, without its padding; "" where it is absent or empty.

    Raises what pydicom raises where it cannot be decoded.
    """
    value = ds.get(keyword)
    if value is None:
        return ""
    whole = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)
    return whole.strip(" \0").rstrip("=^")


def _are_equal(items: Sequence[Attributes], others: Sequence[Dataset]) -> bool:
    return len(items) == len(others) and all(
        _is_equal(item, other) for item, other in zip(items, others, strict=True)
    )


def _is_equal(item: Attributes, other: Dataset) -> bool:
    """Whether an item has the attributes of another, and says the same in each."""
    if list(item.elements) != [int(element.tag) for element in other]:
        return False
    for element in item:
        keyword = name_of(element.tag)
        if element.items is not None:
            if not _are_equal(element.items, other[keyword].value or ()):
                return False
        elif item.text(keyword).rstrip("=^") != text_of(other, keyword):
            return False
    return True
