"""What the node promises of its own objects beyond the standard: each was seen to matter to some viewer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ctsma_node.validation.attributes import Attributes
from ctsma_node.validation.conditions import PARAMETRIC_MAP
from ctsma_node.validation.dimensions import normal
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.geometry import frame_position
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.segments import SEGMENTATION, segment_numbers, segments_of_frames
from ctsma_node.validation.source import Source

_EACH = "PerFrameFunctionalGroupsSequence"
_SOURCE_IMAGE = ("DerivationImageSequence", "SourceImageSequence")


def check_promises(
    instance: Instance, schemes: dict[int, frozenset[str]], source: Source
) -> Iterator[Finding]:
    """Research use, private codes, order of frames, and what a segmentation holds.

    `schemes` keeps the coding schemes that are used below the items of a sequence, by their identity.
    """
    yield from _research(instance)
    yield from _private_schemes(instance, schemes, source)
    yield from _derived_frames(instance)
    if instance.sop_class_uid == PARAMETRIC_MAP:
        yield from _ascending(instance)
    if instance.sop_class_uid == SEGMENTATION:
        yield from _packed_frames(instance)
        yield from _used_segments(instance)


def _research(instance: Instance) -> Iterator[Finding]:
    """Content Qualification RESEARCH in every object (PS3.3 C.12.1)."""
    if instance.ds.text("ContentQualification") != "RESEARCH":
        path, sentence = "ContentQualification", "Every result says RESEARCH."
        yield instance.finding("not_research", path, "PS3.3 C.12.1", sentence)


def _private_schemes(
    instance: Instance, schemes: dict[int, frozenset[str]], source: Source
) -> Iterator[Finding]:
    """A private coding scheme is identified (PS3.3 8.2, C.12.1.1.5), unless it is one of the source."""
    path = "CodingSchemeIdentificationSequence"
    identified = {item.text("CodingSchemeDesignator") for item in instance.ds.items(path)}
    used = frozenset[str]().union(*(_designators(element.items or (), schemes) for element in instance.ds))
    private = {each for each in used if each.startswith("99")} - identified
    if private and private - source.coding_schemes:
        sentence = "A private coding scheme is used and not identified."
        yield instance.finding("private_scheme", path, "PS3.3 C.12.1.1.5", sentence)


def _designators(items: tuple[Attributes, ...], schemes: dict[int, frozenset[str]]) -> frozenset[str]:
    """Coding schemes of all codes in items and below them."""
    if not items:
        return frozenset()
    if id(items) not in schemes:
        found = {item.text("CodingSchemeDesignator") for item in items}
        below = (_designators(element.items or (), schemes) for item in items for element in item)
        schemes[id(items)] = frozenset(found.union(*below))
    return schemes[id(items)]


def _derived_frames(instance: Instance) -> Iterator[Finding]:
    """Each frame names the image it lies on: Weasis showed no segmentation without (PS3.3 C.7.6.16.2.6)."""
    groups = instance.ds.items(_EACH)
    alone = [n for n, each in enumerate(groups, start=1) if not each.first(*_SOURCE_IMAGE)]
    if alone:
        path = f"{_EACH}[{alone[0]}].DerivationImageSequence"
        sentence = f"{len(alone)} frames name no image that they derive from, this one first."
        yield instance.finding("no_source_image", path, "PS3.3 C.7.6.16.2.6", sentence)


def _ascending(instance: Instance) -> Iterator[Finding]:
    """Frames of a map ascend along the normal: DCMQI and OHIF put them on a grid in the order of the file."""
    n = normal(instance.ds)
    positions = [frame_position(group) for group in instance.ds.items(_EACH)]
    if n is None or any(len(position) != 3 for position in positions):
        return  # told elsewhere
    if np.any(np.diff(np.array(positions) @ n) <= 0):
        sentence = "The frames do not ascend along the normal: viewers would show them mirrored."
        yield instance.finding("frame_order", _EACH, "PS3.3 C.7.6.2.1.1", sentence)


def _packed_frames(instance: Instance) -> Iterator[Finding]:
    """Frames of bits fill whole bytes: OHIF 3.13 garbles others (PS3.5 8.1.1)."""
    if (
        instance.ds.integer("BitsAllocated") == 1
        and instance.ds.integer("Rows") * instance.ds.integer("Columns") % 8
    ):
        sentence = "Rows x Columns of a BINARY segmentation is a multiple of 8."
        yield instance.finding("packed_frames", "Rows", "PS3.5 8.1.1", sentence)


def _used_segments(instance: Instance) -> Iterator[Finding]:
    """Each segment has a frame."""
    missing = set(segment_numbers(instance)) - set(segments_of_frames(instance))
    if missing:
        path = f"SegmentSequence[{min(missing)}]"
        sentence = f"{len(missing)} segments have no frame, this one first."
        yield instance.finding("unused_segment", path, "PS3.3 C.8.20.2", sentence)
