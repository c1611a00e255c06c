"""UIDs that are unique, and series that hold together (PS3.3 A.1.2, C.7.3.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance

_OF_A_SERIES = ("StudyInstanceUID", "Modality", "SeriesNumber", "FrameOfReferenceUID", "Laterality")


def check_unique(instances: Sequence[Instance]) -> Iterator[Finding]:
    """No two instances have one SOP Instance UID (PS3.5 9)."""
    seen: set[str] = set()
    for instance in instances:
        if instance.sop_instance_uid in seen:
            sentence = "Another instance has the same UID."
            yield instance.finding("repeated_uid", "SOPInstanceUID", "PS3.5 9", sentence)
        seen.add(instance.sop_instance_uid)


def check_series(instances: Sequence[Instance]) -> Iterator[Finding]:
    """Instances of a series agree in what a series is."""
    first: dict[str, Instance] = {}
    for instance in instances:
        reference = first.setdefault(instance.ds.text("SeriesInstanceUID"), instance)
        for keyword in _OF_A_SERIES:
            if instance.ds.text(keyword) != reference.ds.text(keyword):
                sentence = "It differs from what another instance of the series says."
                yield instance.finding("series_differs", keyword, "PS3.3 C.7.3.1", sentence)


def check_numbers(instances: Sequence[Instance]) -> Iterator[Finding]:
    """No two instances of a series have one Instance Number: more than the standard asks for."""
    seen: set[tuple[str, str]] = set()
    for instance in instances:
        number = instance.ds.text("SeriesInstanceUID"), instance.ds.text("InstanceNumber")
        if number in seen:
            sentence = "Another instance of the series has the same number."
            yield instance.finding("repeated_number", "InstanceNumber", "PS3.3 C.7.6.1", sentence)
        seen.add(number)
