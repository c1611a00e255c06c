"""Segments and the frames that show them (PS3.3 C.8.20.2)."""

from __future__ import annotations

from collections.abc import Iterator

from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
_CLAUSE = "PS3.3 C.8.20.2"
_EACH, _SHARED = "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"


def check_segments(instance: Instance) -> Iterator[Finding]:
    """Numbers from 1 upwards by 1 (a label map's background is 0), and no frame of a segment that is not."""
    if instance.sop_class_uid not in (SEGMENTATION, LABEL_MAP):
        return
    numbers = segment_numbers(instance)
    first = 0 if instance.sop_class_uid == LABEL_MAP and 0 in numbers else 1
    if sorted(numbers) != list(range(first, len(numbers) + first)):
        sentence = f"The Segment Numbers do not run from {first} upwards by 1."
        yield instance.finding("segment_number", "SegmentSequence", _CLAUSE, sentence)
    for frame, number in enumerate(segments_of_frames(instance), start=1):
        if number not in numbers:
            path = f"{_EACH}[{frame}].SegmentIdentificationSequence[1].ReferencedSegmentNumber"
            yield instance.finding("segment_number", path, _CLAUSE, "There is no segment of this number.")


def segment_numbers(instance: Instance) -> list[int]:
    """Segment Number of each segment."""
    return [item.integer("SegmentNumber", absent=-1) for item in instance.ds.items("SegmentSequence")]


def segments_of_frames(instance: Instance) -> list[int]:
    """The segment that each frame of a BINARY or FRACTIONAL segmentation shows; -1 where none is said."""
    if instance.sop_class_uid == LABEL_MAP:
        return []
    shared = instance.ds.first(_SHARED, "SegmentIdentificationSequence")
    found = []
    for group in instance.ds.items(_EACH):
        item = group.first("SegmentIdentificationSequence")
        item = item if item is not None else shared
        found.append(-1 if item is None else item.integer("ReferencedSegmentNumber", absent=-1))
    return found
