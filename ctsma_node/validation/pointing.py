"""The instances that a dataset refers to (SOP Instance Reference macro, PS3.3 10.8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ctsma_node.validation.attributes import Attributes, name_of


@dataclass(frozen=True)
class Reference:
    """A SOP Instance Reference; series and study where the reference lists them."""

    path: str
    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str = ""
    study_uid: str = ""
    segments: tuple[int, ...] = ()


def references(ds: Attributes) -> Iterator[Reference]:
    """Every reference of a dataset; those of equal items are told once."""
    return _below(ds, "", "", "", set())


def _below(
    ds: Attributes, path: str, series: str, study: str, seen: set[tuple[int, str]]
) -> Iterator[Reference]:
    if path:  # the dataset's own study and series are where it is, not where it points
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
        for number, item in enumerate(element.items or (), start=1):
            key = (id(item), series)
            if key not in seen:
                seen.add(key)
                here = f"{path}.{name_of(element.tag)}[{number}]".lstrip(".")
                yield from _below(item, here, series, study, seen)
