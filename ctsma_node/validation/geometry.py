"""Segmentations and maps lie on the planes of the series that they refer to (PS3.3 C.7.6.2, C.7.6.16.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ctsma_node.validation.attributes import Attributes
from ctsma_node.validation.conditions import CT_IMAGE
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance

_EACH, _SHARED = "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"
_TOLERANCE_MM = 1e-3
_TOLERANCE_COSINE = 1e-5
_CLAUSE = "PS3.3 C.7.6.2.1.1"
Position = tuple[float, ...]


@dataclass(frozen=True)
class Planes:
    """Where the planes of a series lie: LPS mm, by SOP Instance UID."""

    series_uid: str
    frame_of_reference_uid: str
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, ...]
    shape: tuple[int, int]  # rows, columns
    positions: Mapping[str, Position]
    side: str  # Laterality

    @property
    def normal(self) -> npt.NDArray[np.float64]:
        """Row direction x column direction."""
        across, down = np.reshape(np.array(self.orientation, float), (2, 3))
        return np.asarray(np.cross(across, down), float)

    def at(self, position: Position) -> str | None:
        """The instance whose first pixel lies at a position, if there is one."""
        if len(position) != 3:
            return None
        away = np.abs(np.array(list(self.positions.values())) - np.array(position, float)).max(axis=1)
        nearest = int(np.argmin(away))
        return list(self.positions)[nearest] if away[nearest] <= _TOLERANCE_MM else None


def planes_by_series(instances: Sequence[Instance]) -> dict[str, Planes]:
    """The planes of every CT series of a set; series that do not say where they lie are left out."""
    series: dict[str, list[Instance]] = {}
    for instance in instances:
        if instance.sop_class_uid == CT_IMAGE:
            series.setdefault(instance.ds.text("SeriesInstanceUID"), []).append(instance)
    found = {uid: _planes(uid, members) for uid, members in series.items()}
    return {uid: planes for uid, planes in found.items() if planes is not None}


def _planes(uid: str, members: Sequence[Instance]) -> Planes | None:
    ds = members[0].ds
    positions = {each.sop_instance_uid: each.ds.numbers("ImagePositionPatient") for each in members}
    planes = Planes(
        uid,
        ds.text("FrameOfReferenceUID"),
        ds.numbers("ImageOrientationPatient"),
        ds.numbers("PixelSpacing"),
        (ds.integer("Rows"), ds.integer("Columns")),
        positions,
        ds.text("Laterality"),
    )
    whole = len(planes.orientation) == 6 and len(planes.pixel_spacing) == 2
    return planes if whole and all(len(each) == 3 for each in positions.values()) else None


def check_space(instances: Sequence[Instance], frame_of_reference_uid: str) -> Iterator[Finding]:
    """All that has a place lies in the source's frame of reference, where that names one (PS3.3 C.7.4.1)."""
    for instance in instances:
        own = instance.ds.text("FrameOfReferenceUID")
        if own and frame_of_reference_uid and own != frame_of_reference_uid:
            path, sentence = "FrameOfReferenceUID", "It is another space than the source's."
            yield instance.finding("grid_differs", path, "PS3.3 C.7.4.1", sentence)


def check_volume(members: Sequence[Instance], planes: Planes) -> Iterator[Finding]:
    """The instances of a volume share orientation, spacing and size, and follow one another evenly."""
    for instance in members:
        ds = instance.ds
        same = {
            "ImageOrientationPatient": _close(ds.numbers("ImageOrientationPatient"), planes.orientation),
            "PixelSpacing": _close(ds.numbers("PixelSpacing"), planes.pixel_spacing),
            "Rows": (ds.integer("Rows"), ds.integer("Columns")) == planes.shape,
        }
        for keyword, is_same in same.items():
            if not is_same:
                sentence = "It differs from that of other planes of the volume."
                yield instance.finding("volume_differs", keyword, _CLAUSE, sentence)
    places = np.array(list(planes.positions.values()))
    order = np.argsort(places @ planes.normal)
    steps = np.diff(places[order], axis=0)
    if len(steps) and not np.allclose(steps, np.median(steps, axis=0), atol=_TOLERANCE_MM):
        step = int(np.argmax(np.abs(steps - np.median(steps, axis=0)).max(axis=1)))
        sentence = "The planes of the volume are not evenly spaced here."
        yield members[int(order[step + 1])].finding(
            "volume_positions", "ImagePositionPatient", _CLAUSE, sentence
        )


def check_on_planes(instance: Instance, planes: Planes) -> Iterator[Finding]:
    """A multi-frame image has the space, orientation, spacing, size and positions of these planes."""
    ds = instance.ds
    measures = ds.first(_SHARED, "PixelMeasuresSequence")
    orientation = ds.first(_SHARED, "PlaneOrientationSequence")
    agree = {
        "FrameOfReferenceUID": ds.text("FrameOfReferenceUID") == planes.frame_of_reference_uid,
        f"{_SHARED}[1].PixelMeasuresSequence[1].PixelSpacing": measures is not None
        and _close(measures.numbers("PixelSpacing"), planes.pixel_spacing, _TOLERANCE_MM),
        f"{_SHARED}[1].PixelMeasuresSequence[1].SpacingBetweenSlices": measures is not None
        and _is_spacing(measures, planes),
        f"{_SHARED}[1].PlaneOrientationSequence[1].ImageOrientationPatient": orientation is not None
        and _close(orientation.numbers("ImageOrientationPatient"), planes.orientation),
        "Rows": (ds.integer("Rows"), ds.integer("Columns")) == planes.shape,
    }
    for path, is_same in agree.items():
        if not is_same:
            sentence = "It differs from that of the series that the frames refer to."
            yield instance.finding("grid_differs", path, _CLAUSE, sentence)
    yield from _positions(instance, planes)


def _positions(instance: Instance, planes: Planes) -> Iterator[Finding]:
    """Each frame lies on a plane, and on the very one that it says it derives from."""
    at: dict[Position, str | None] = {}
    for number, group in enumerate(instance.ds.items(_EACH), start=1):
        position = frame_position(group)
        if position not in at:
            at[position] = planes.at(position)
        path = f"{_EACH}[{number}].PlanePositionSequence[1].ImagePositionPatient"
        if at[position] is None:
            sentence = "The frame does not lie on a plane of the series that it refers to."
            yield instance.finding("frame_position", path, _CLAUSE, sentence)
            continue
        source = group.first("DerivationImageSequence", "SourceImageSequence")
        if source is not None and source.text("ReferencedSOPInstanceUID") != at[position]:
            sentence = "The frame lies on another plane than the instance it derives from."
            yield instance.finding("frame_position", path, "PS3.3 C.7.6.16.2.6", sentence)


def frame_position(group: Attributes) -> Position:
    """Image Position (Patient) of a frame; () where there is none."""
    item = group.first("PlanePositionSequence")
    return () if item is None else item.numbers("ImagePositionPatient")


def _is_spacing(measures: Attributes, planes: Planes) -> bool:
    """Whether Spacing Between Slices and Slice Thickness are the distance of neighbouring planes."""
    heights = np.sort([np.array(place, float) @ planes.normal for place in planes.positions.values()])
    if len(heights) < 2:
        return True
    stated = [measures.number(keyword) for keyword in ("SpacingBetweenSlices", "SliceThickness")]
    distance = float(np.median(np.diff(heights)))
    return all(value is None or abs(value - distance) <= _TOLERANCE_MM for value in stated)


def _close(a: Sequence[float], b: Sequence[float], tolerance: float = _TOLERANCE_COSINE) -> bool:
    return len(a) == len(b) and all(abs(x - y) <= tolerance for x, y in zip(a, b, strict=True))
