"""The series that a set was made from, as the checks compare with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from ctsma_node.validation.references import Known


@dataclass(frozen=True)
class Source:
    """Instances of the analysed series, and texts of its first header by keyword."""

    instances: Mapping[str, Known]
    texts: Mapping[str, str]
    unreadable: frozenset[str]  # keywords whose value could not be decoded


def source_of(headers: Sequence[Dataset], keywords: Sequence[str]) -> Source:
    """What pydicom reads in the headers of a series, single- or multi-frame, of these keywords."""
    first, texts, unreadable = headers[0], {}, set()
    for keyword in keywords:
        try:
            texts[keyword] = _text(first, keyword)
        except (ValueError, TypeError, ArithmeticError, NotImplementedError):
            unreadable.add(keyword)
    known = {
        _text(ds, "SOPInstanceUID"): Known(
            _text(ds, "SOPClassUID"), _text(ds, "SeriesInstanceUID"), _text(ds, "StudyInstanceUID")
        )
        for ds in headers
    }
    return Source(known, texts, frozenset(unreadable))


def _text(ds: Dataset, keyword: str) -> str:
    value = ds.get(keyword)
    if value is None:
        return ""
    return str(value).strip(" \0").rstrip("=^")
