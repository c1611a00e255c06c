"""Whether a set says what was measured in each knee, and says it of every knee alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ctsma_node.analysis.result import AnalysisResult, KneeResult, Side
from ctsma_node.validation.attributes import tag_of
from ctsma_node.validation.conditions import PARAMETRIC_MAP, SECONDARY_CAPTURE
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.geometry import Planes
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.measurements import Group, groups, is_measurement_report
from ctsma_node.validation.reported import check_report
from ctsma_node.validation.segments import LABEL_MAP, SEGMENTATION
from ctsma_node.validation.sides import Told, check_side, told
from ctsma_node.validation.tables import tables
from ctsma_node.validation.voxels import check_map_voxels, check_segment_voxels, check_volume_voxels

_ON_A_VOLUME = {
    SEGMENTATION: check_segment_voxels,
    LABEL_MAP: check_segment_voxels,
    PARAMETRIC_MAP: check_map_voxels,
}


def check_values(
    instances: Sequence[Instance], planes: Mapping[str, Planes], result: AnalysisResult
) -> Iterator[Finding]:
    """Objects that say something of a knee, against the typed result."""
    knees = {knee.side: knee for knee in result.knees}
    kinds: dict[Side | None, Counter[str]] = {side: Counter() for side in knees}
    for instance in instances:
        said = tuple(groups(instance.ds))
        tells = told(instance, said, planes)
        yield from check_side(instance, tells)
        side = tells.side
        if side is not None and side not in knees and _is_of_a_knee(instance):
            sentence = "It is of a knee that was not analysed."
            yield instance.finding("side", "Laterality", "PS3.3 C.7.3.1", sentence)
        kinds.setdefault(side, Counter())[instance.sop_class_uid] += 1
        if side in knees:
            yield from _of_knee(instance, tells, said, knees[side])
    for series, lying in planes.items():
        members = [each for each in instances if each.ds.text("SeriesInstanceUID") == series]
        if lying.side in set(Side) and Side(lying.side) in knees:
            yield from check_volume_voxels(members, lying, knees[Side(lying.side)])
    if len({tuple(sorted(kinds[side].items())) for side in knees}) > 1:
        sentence = "The knees of the result have different objects: one is not complete."
        yield instances[0].finding("incomplete_set", "", "", sentence)


def _is_of_a_knee(instance: Instance) -> bool:
    """Whether an object says something that was measured; a text or a selection may be of neither knee."""
    document = bool(tables().of(instance.sop_class_uid).value_types)
    return is_measurement_report(instance.ds) if document else True


def _of_knee(instance: Instance, tells: Told, said: Sequence[Group], knee: KneeResult) -> Iterator[Finding]:
    check = _ON_A_VOLUME.get(instance.sop_class_uid)
    if check is not None:
        if len(tells.volumes) == 1:
            yield from check(instance, tells.volumes[0], knee)
        else:
            path, sentence = "ReferencedSeriesSequence", "It does not refer to one analysed volume."
            yield instance.finding("no_volume", path, "PS3.3 C.12.2", sentence)
    elif is_measurement_report(instance.ds):
        yield from check_report(instance, said, knee)
    elif instance.sop_class_uid == SECONDARY_CAPTURE:
        yield from _picture(instance)


def _picture(instance: Instance) -> Iterator[Finding]:
    """A picture that shows something."""
    element = instance.ds.elements.get(tag_of("PixelData"))
    pixels = np.frombuffer(element.value if element is not None else b"", np.uint8)
    if len(np.unique(pixels[:: max(1, len(pixels) // 100_000)])) < 3:
        sentence = "The picture shows nothing."
        yield instance.finding("empty_picture", "PixelData", "PS3.3 C.7.6.3", sentence)
