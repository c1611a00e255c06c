"""The series that a set was made from, as the checks compare with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pydicom import config
from pydicom.charset import default_encoding, python_encoding
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID

from ctsma_node.validation.references import Known

_DESIGNATOR = 0x00080102
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

    def reads_alike(self, keyword: str) -> bool:
        """Whether everybody reads the same letters in an attribute of text."""
        text = self.text(keyword)
        if text is None or not text.isprintable() or "\ufffd" in text:
            return False
        return text.isascii() or self.letters_are_declared

    @cached_property
    def uids(self) -> frozenset[str]:
        """UIDs that objects take over as they stand: they name what is in the archive."""
        known = {uid for each in self.instances.values() for uid in (each.sop_class_uid, each.series_uid)}
        own = {self.text(keyword) or "" for keyword in ("StudyInstanceUID", "FrameOfReferenceUID")}
        return frozenset((*self.instances, *known, *own)) - {""}

    @property
    def frame_of_reference_uid(self) -> str:
        """Frame of Reference UID; "" where it is absent or no UID."""
        text = self.text("FrameOfReferenceUID") or ""
        return text if UID(text, validation_mode=config.IGNORE).is_valid else ""

    @property
    def letters_are_declared(self) -> bool:
        """Whether one character set beyond ASCII is declared: then everybody reads the same letters."""
        terms = (self.text("SpecificCharacterSet") or "").split("\\")
        return (
            len(terms) == 1 and terms[0] in python_encoding and python_encoding[terms[0]] != default_encoding
        )

    @cached_property
    def coding_schemes(self) -> frozenset[str]:
        """Coding schemes of the codes in the header, which an institution may have made for itself."""
        try:
            elements = [element for element in self.header.iterall() if element.tag == _DESIGNATOR]
            return frozenset(str(element.value) for element in elements)
        except Exception:  # whatever a broken sequence makes of the parser
            return frozenset()


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
    several = value if isinstance(value, MultiValue) else [value]
    whole = "\\".join(str(each).strip(" \0") for each in several)
    return whole.strip(" \0").rstrip("=^")
