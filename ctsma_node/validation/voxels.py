"""Whether the images hold what was measured, voxel by voxel: volume, segments, maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import UNITS, KneeResult, Parameter
from ctsma_node.validation.codes import codes
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.geometry import Planes, Position, frame_position
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.pixels import stored_frames
from ctsma_node.validation.placed import Placement, placement
from ctsma_node.validation.segments import LABEL_MAP, segments_of_frames

_EACH, _SHARED = "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"
_CLAUSE = "PS3.3 C.7.6.2.1.1"
_AIR_HU = -1024
_INT16 = np.iinfo(np.int16)


def check_volume_voxels(members: Sequence[Instance], planes: Planes, knee: KneeResult) -> Iterator[Finding]:
    """The CT series is the volume that was analysed: HU, rounded, air around it (PS3.3 C.11.1)."""
    positions = [planes.positions[each.sop_instance_uid] for each in members]
    placed = placement(knee, planes, positions)
    if placed is None or sorted(placed.planes) != list(range(knee.hu.shape[0])):
        yield _misplaced(members[0])
        return
    for instance, k in zip(members, placed.planes, strict=True):
        hu = _hounsfield(instance)
        truth = np.clip(np.rint(knee.hu[k]), _INT16.min, _INT16.max)
        if hu is None or not np.array_equal(placed.inside(hu)[0], truth) or not placed.is_border(hu, _AIR_HU):
            sentence = "The pixels are not those of the volume that was analysed."
            yield instance.finding("voxels_differ", "PixelData", "PS3.3 C.11.1", sentence)


def _hounsfield(instance: Instance) -> npt.NDArray[np.float64] | None:
    stored = stored_frames(instance)
    slope, intercept = instance.ds.number("RescaleSlope"), instance.ds.number("RescaleIntercept")
    if stored is None or slope is None or intercept is None:
        return None
    return np.asarray(stored * slope + intercept, float)


def check_segment_voxels(instance: Instance, planes: Planes, knee: KneeResult) -> Iterator[Finding]:
    """Each segment is its subregion, and no voxel is in two."""
    frames = stored_frames(instance)
    placed = _place(instance, planes, knee)
    if frames is None or placed is None or not _fits(frames, placed, planes):
        yield _misplaced(instance)
        return
    label_of = _labels(instance, knee)
    if label_of is None:
        sentence = "The segments are not the subregions of the result, by their labels."
        yield instance.finding("value_differs", "SegmentSequence", "PS3.3 C.8.20.4", sentence)
        return
    found = np.zeros_like(knee.subregion_labels)
    doubled = False
    inside = placed.inside(frames)
    if instance.sop_class_uid == LABEL_MAP:
        table = np.zeros(max(256, int(frames.max()) + 1), np.uint8)
        for number, label in label_of.items():
            table[number] = label
        for frame, k in enumerate(placed.planes):
            found[k] = table[inside[frame]]
    else:
        for frame, (k, number) in enumerate(zip(placed.planes, segments_of_frames(instance), strict=True)):
            found[k] += inside[frame] * np.uint8(label_of.get(number, 0))
        doubled = np.count_nonzero(inside) != np.count_nonzero(found)
    if doubled:
        sentence = "A voxel is in two segments, where Segments Overlap says NO, or in one that is none."
        yield instance.finding("voxels_differ", "PixelData", "PS3.3 C.8.20.2", sentence)
    if not np.array_equal(found, knee.subregion_labels) or not placed.is_border(frames, 0):
        sentence = "The voxels of the segments are not those of the subregions."
        yield instance.finding("voxels_differ", "PixelData", _CLAUSE, sentence)


def _labels(instance: Instance, knee: KneeResult) -> dict[int, int] | None:
    """The result's label for each Segment Number; segments are in the order of the result, and say so."""
    segments = [item for item in instance.ds.items("SegmentSequence") if item.integer("SegmentNumber") != 0]
    if len(segments) != len(knee.subregions):
        return None
    for segment, subregion in zip(segments, knee.subregions, strict=True):
        side, _, name = segment.text("SegmentLabel").partition(" ")
        if side != knee.side.value or name.rpartition(" ")[2] != subregion.name:
            return None
    return {number: subregion.label for number, subregion in enumerate(knee.subregions, start=1)}


def check_map_voxels(instance: Instance, planes: Planes, knee: KneeResult) -> Iterator[Finding]:
    """Each voxel of a map has the value of its subregion, and 0 outside (PS3.3 C.7.6.16.2.11)."""
    frames = stored_frames(instance)
    placed = _place(instance, planes, knee)
    mapping = instance.ds.first(_SHARED, "RealWorldValueMappingSequence")
    parameter = _parameter(instance)
    if (
        frames is None
        or placed is None
        or not _fits(frames, placed, planes)
        or sorted(placed.planes) != list(range(knee.hu.shape[0]))
    ):
        yield _misplaced(instance)
    elif mapping is None or parameter is None:
        path = f"{_SHARED}[1].RealWorldValueMappingSequence"
        sentence = "It does not say which parameter the map is of, in its unit."
        yield instance.finding("value_differs", path, "PS3.3 C.7.6.16.2.11", sentence)
    elif (mapping.number("RealWorldValueSlope"), mapping.number("RealWorldValueIntercept")) != (1.0, 0.0):
        path = f"{_SHARED}[1].RealWorldValueMappingSequence[1]"
        sentence = "Stored values are the quantity itself: slope 1, intercept 0."
        yield instance.finding("value_differs", path, "PS3.3 C.7.6.16.2.11", sentence)
    else:
        values = np.zeros(256, np.float32)
        for subregion in knee.subregions:
            values[subregion.label] = subregion.values[parameter].value
        truth = values[knee.subregion_labels[list(placed.planes)]]
        if not np.array_equal(placed.inside(frames), truth) or not placed.is_border(frames, 0):
            sentence = "The values of the map are not those of the subregions."
            yield instance.finding("voxels_differ", "FloatPixelData", _CLAUSE, sentence)


def _parameter(instance: Instance) -> Parameter | None:
    """The parameter that Quantity Definition names, where the unit is the parameter's."""
    mapping = instance.ds.first(_SHARED, "RealWorldValueMappingSequence")
    quantity = mapping.first("QuantityDefinitionSequence", "ConceptCodeSequence") if mapping else None
    unit = mapping.first("MeasurementUnitsCodeSequence") if mapping else None
    if quantity is None or unit is None:
        return None
    code = quantity.text("CodeValue")
    found = next((p for p, value in codes().parameters.items() if value == code), None)
    return found if found and codes().units[UNITS[found]] == unit.text("CodeValue") else None


def _place(instance: Instance, planes: Planes, knee: KneeResult) -> Placement | None:
    positions: list[Position] = [frame_position(group) for group in instance.ds.items(_EACH)]
    if not positions or any(len(position) != 3 for position in positions):
        return None
    return placement(knee, planes, positions)


def _fits(frames: npt.NDArray[Any], placed: Placement, planes: Planes) -> bool:
    """Whether there are as many frames as positions, of the size of the planes."""
    return frames.shape == (len(placed.planes), *planes.shape)


def _misplaced(instance: Instance) -> Finding:
    sentence = "Its frames do not lie where the result does, or cannot be read."
    return instance.finding("misplaced", "ImagePositionPatient", _CLAUSE, sentence)
