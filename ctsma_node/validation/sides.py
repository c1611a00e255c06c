"""Which knee an object is of: by what it says, and by the volume that it refers to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ctsma_node.analysis.result import Side
from ctsma_node.validation.attributes import Attributes
from ctsma_node.validation.codes import codes
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.geometry import Planes
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.measurements import Group

_FRAMES = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


@dataclass(frozen=True)
class Told:
    """The sides that an object names, and the volumes of the set that it lists instances of."""

    sides: frozenset[Side]
    volumes: tuple[Planes, ...]

    @property
    def side(self) -> Side | None:
        """The one side that the object is of; None where it tells none or several."""
        sides = self.sides or {Side(each.side) for each in self.volumes if each.side in set(Side)}
        return next(iter(sides)) if len(sides) == 1 else None


def told(instance: Instance, said: Iterable[Group], planes: Mapping[str, Planes]) -> Told:
    """What an object tells of its knee: series, frames, segments, the sites of the groups it says."""
    ds = instance.ds
    texts = {ds.text("Laterality")}
    for sequence in _FRAMES:
        for group in ds.items(sequence):
            texts |= {item.text("FrameLaterality") for item in group.items("FrameAnatomySequence")}
    sides = {Side(text) for text in texts if text in set(Side)}
    sides |= {side for segment in ds.items("SegmentSequence") if (side := _side_of(segment)) is not None}
    sides |= {group.side for group in said if group.side is not None}
    return Told(frozenset(sides), tuple(planes[uid] for uid in volumes_of(instance, planes)))


def _side_of(segment: Attributes) -> Side | None:
    """The modifier of a segment's Anatomic Region (PS3.3 C.8.20.2, 10.5)."""
    region = segment.first("AnatomicRegionSequence", "AnatomicRegionModifierSequence")
    return None if region is None else codes().side(region.text("CodeValue"))


def volumes_of(instance: Instance, planes: Mapping[str, Planes]) -> list[str]:
    """The volumes of the set, by Series Instance UID, that an object lists instances of."""
    return sorted({each.series_uid for each in instance.references if each.series_uid in planes})


def check_side(instance: Instance, tells: Told) -> Iterator[Finding]:
    """An object names one side, and refers to that knee's volume alone."""
    volumes = {each.side for each in tells.volumes}
    if len(tells.sides) > 1 or len(volumes) > 1 or (tells.sides and volumes and tells.sides != volumes):
        sentence = "It names both sides, or another side than the volume that it refers to."
        yield instance.finding("side", "Laterality", "PS3.3 C.7.3.1", sentence)
