"""The instances that a dataset refers to (SOP Instance Reference macro, PS3.3 10.8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ctsma_node.validation.attributes import Attributes, Element, name_of


@dataclass(frozen=True)
class Reference:
    """A SOP Instance Reference; series and study where the reference lists them."""

    path: str
    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str = ""
    study_uid: str = ""
    segments: tuple[int, ...] = ()


References = dict[tuple[int, int], tuple[Reference, ...]]
"""Of sequences of a dataset, by tag and by the identity of their items (`elements.Reader`)."""


def references(ds: Attributes, known: References) -> Iterator[Reference]:
    """Every reference of a dataset; of equal items in a sequence once.

    `known` keeps those of each sequence: a hundred planes list the same source images.
    """
    for element in ds:
        if element.items:
            key = (element.tag, id(element.items))
            if key not in known:
                known[key] = tuple(_of(element, "", "", "", set()))
            yield from known[key]


def _of(
    element: Element, path: str, series: str, study: str, seen: set[tuple[int, str]]
) -> Iterator[Reference]:
    for number, item in enumerate(element.items or (), start=1):
        key = (id(item), series)
        if key not in seen:
            seen.add(key)
            here = f"{path}.{name_of(element.tag)}[{number}]".lstrip(".")
            yield from _below(item, here, series, study, seen)


def _below(
    ds: Attributes, path: str, series: str, study: str, seen: set[tuple[int, str]]
) -> Iterator[Reference]:
    series = ds.text("SeriesInstanceUID") or series
    study = ds.text("StudyInstanceUID") or study
    if "ReferencedSOPInstanceUID" in ds:
        yield Reference(
            path,
            ds.text("ReferencedSOPClassUID"),
            ds.text("ReferencedSOPInstanceUID"),
            series,
            study,
            tuple(map(int, ds.numbers("ReferencedSegmentNumber"))),
        )
    for element in ds:
        if element.items:
            yield from _of(element, path, series, study, seen)
