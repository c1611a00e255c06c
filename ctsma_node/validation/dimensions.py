"""Dimensions of multi-frame images (PS3.3 C.7.6.17) and the segments of a segmentation (C.8.20)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ctsma_node.validation.attributes import Attributes, name_of, tag_of
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance

_EACH, _SHARED = "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"
_CLAUSE = "PS3.3 C.7.6.17"
Position = tuple[float, ...]


def check_dimensions(instance: Instance) -> Iterator[Finding]:
    """An index for each dimension, each index for one value, no two frames at the same place."""
    dimensions = instance.ds.items("DimensionIndexSequence")
    groups = instance.ds.items(_EACH)
    indices = [_indices(group) for group in groups]
    if not any(indices):
        return
    lengths = [number for number, index in enumerate(indices, start=1) if len(index) != len(dimensions)]
    if lengths:
        path = f"{_EACH}[{lengths[0]}].FrameContentSequence[1].DimensionIndexValues"
        sentence = f"It does not hold one index for each of {len(dimensions)} dimensions."
        yield instance.finding("dimension_index", path, _CLAUSE, sentence)
        return
    if len(set(indices)) != len(indices):
        sentence = "Two frames have the same index in every dimension."
        yield instance.finding("dimension_index", _EACH, _CLAUSE, sentence)
    for number, dimension in enumerate(dimensions):
        yield from _one_to_one(instance, number, dimension, groups, indices)
    yield from _organizations(instance, dimensions)


def _indices(group: Attributes) -> tuple[float, ...]:
    content = group.first("FrameContentSequence")
    return content.numbers("DimensionIndexValues") if content is not None else ()


def _one_to_one(
    instance: Instance,
    number: int,
    dimension: Attributes,
    groups: Sequence[Attributes],
    indices: Sequence[tuple[float, ...]],
) -> Iterator[Finding]:
    """Equal indices stand for equal values and for no others, positions in their order in space."""
    pointers = [_pointer(dimension, k) for k in ("FunctionalGroupPointer", "DimensionIndexPointer")]
    if None in pointers:
        return
    values: dict[float, bytes] = {}
    for frame, (group, index) in enumerate(zip(groups, indices, strict=True), start=1):
        value = _value(group, pointers[0], pointers[1])
        if value is None:
            return  # a group that is shared, or one of another making
        if values.setdefault(index[number], value) != value:
            path = f"{_EACH}[{frame}].FrameContentSequence[1].DimensionIndexValues"
            sentence = f"Dimension {number + 1}: frames of one index have different values."
            yield instance.finding("dimension_index", path, _CLAUSE, sentence)
            return
    if set(values) != set(range(1, len(values) + 1)):
        path = f"DimensionIndexSequence[{number + 1}]"
        ends = f"from {min(values):g} to {max(values):g}"
        sentence = f"Its {len(values)} indices, {ends}, do not count from 1."
        yield instance.finding("dimension_index", path, _CLAUSE, sentence)
    elif len(set(values.values())) != len(values):
        path = f"DimensionIndexSequence[{number + 1}]"
        sentence = "Frames of one value have different indices."
        yield instance.finding("dimension_index", path, _CLAUSE, sentence)
    elif pointers[1] == tag_of("ImagePositionPatient"):
        yield from _in_order(instance, number, values)


def _pointer(dimension: Attributes, keyword: str) -> int | None:
    element = dimension.elements.get(tag_of(keyword))
    if element is None or len(element.value) != 4:
        return None
    return int.from_bytes(element.value[:2], "little") << 16 | int.from_bytes(element.value[2:], "little")


def _value(group: Attributes, sequence: int | None, attribute: int | None) -> bytes | None:
    element = group.elements.get(sequence or 0)
    if element is None or not element.items:
        return None
    found = element.items[0].elements.get(attribute or 0)
    return None if found is None else found.value


def _in_order(instance: Instance, number: int, values: dict[float, bytes]) -> Iterator[Finding]:
    """Indices of positions run up or down along the normal of the planes."""
    n = normal(instance.ds)
    if n is None:
        return
    try:
        places = [np.array(values[index].decode("ascii").split("\\"), float) for index in sorted(values)]
        heights = np.diff([float(place @ n) for place in places])
    except ValueError:
        return  # the form of the values is told elsewhere
    if not (np.all(heights > 0) or np.all(heights < 0)):
        path = f"DimensionIndexSequence[{number + 1}]"
        sentence = f"The indices of {name_of(tag_of('ImagePositionPatient'))} are not in the order of space."
        yield instance.finding("dimension_index", path, _CLAUSE, sentence)


def normal(ds: Attributes) -> npt.NDArray[np.float64] | None:
    """Row direction x column direction, of an image or of what its frames share (C.7.6.2.1.1)."""
    shared = ds.first(_SHARED, "PlaneOrientationSequence")
    cosines = (shared if shared is not None else ds).numbers("ImageOrientationPatient")
    if len(cosines) != 6:
        return None
    across, down = np.reshape(np.array(cosines, float), (2, 3))
    return np.asarray(np.cross(across, down), float)


def _organizations(instance: Instance, dimensions: Sequence[Attributes]) -> Iterator[Finding]:
    """Dimensions name an organization that is there."""
    items = instance.ds.items("DimensionOrganizationSequence")
    there = {item.text("DimensionOrganizationUID") for item in items}
    for number, dimension in enumerate(dimensions, start=1):
        path = f"DimensionIndexSequence[{number}]"
        if dimension.text("DimensionOrganizationUID") not in there:
            sentence = "There is no such organization."
            yield instance.finding("dimension_index", f"{path}.DimensionOrganizationUID", _CLAUSE, sentence)
        if dimension.is_empty("FunctionalGroupPointer"):
            sentence = "The attribute that it points at is one of a functional group, which is not named."
            yield instance.finding("dimension_index", f"{path}.FunctionalGroupPointer", _CLAUSE, sentence)
