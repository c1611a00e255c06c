"""Measurement groups of the subregions (PS3.16 TID 1411), each of a segment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from ctsma_node.analysis.result import UNITS, Estimate, Parameter, Subregion
from ctsma_node.report import content
from ctsma_node.report.basis import Basis
from ctsma_node.report.codes import Code


@dataclass(frozen=True)
class SubregionGroups:
    """Makes the groups of one knee's subregions."""

    basis: Basis

    def all(self) -> list[Dataset]:
        """A group for each subregion, in the order of the segments."""
        return [self._group(n, each) for n, each in enumerate(self.basis.knee.subregions, start=1)]

    def _group(self, segment: int, subregion: Subregion) -> Dataset:
        children = [
            *self._identification(subregion.name),
            self._site(subregion),
            *(self._estimate(p, subregion.values[p]) for p in Parameter),
            self._number(self._concept("volume"), subregion.volume, "mm3"),
            self._number(self._concept("contribution"), subregion.contribution, "log_odds"),
            *(self._comment(self.basis.templates.texts.coded_mark(mark)) for mark in subregion.marks),
            *self._segment(segment),
        ]
        return content.container(self._concept("measurement_group"), "CONTAINS", children, "1411")

    def _identification(self, name: str) -> list[Dataset]:
        """Tracking identifiers (TID 4108), finding, algorithm (TID 4019)."""
        basis, concept = self.basis, self._concept
        version = basis.node.software_version
        return [
            content.text(concept("tracking_identifier"), basis.tracking_id(name), "HAS OBS CONTEXT"),
            content.uid_reference(concept("tracking_uid"), basis.tracking_uid(name), "HAS OBS CONTEXT"),
            content.code(concept("finding_category"), concept("tissue"), "CONTAINS"),
            content.code(concept("finding"), concept("bone_tissue"), "CONTAINS"),
            content.text(concept("algorithm_name"), basis.text("algorithm"), "HAS CONCEPT MOD"),
            content.text(concept("algorithm_version"), version, "HAS CONCEPT MOD"),
        ]

    def _site(self, subregion: Subregion) -> Dataset:
        """Finding Site with its laterality and the name of the subregion."""
        templates = self.basis.templates
        name = templates.subregion(subregion.name, subregion.bone, subregion.number)
        modifiers = [
            content.code(self._concept("laterality"), templates.sides[self.basis.side], "HAS CONCEPT MOD"),
            content.code(self._concept("topographical_modifier"), name, "HAS CONCEPT MOD"),
        ]
        bone = templates.bones[subregion.bone]
        return content.code(self._concept("finding_site"), bone, "HAS CONCEPT MOD", modifiers)

    def _estimate(self, parameter: Parameter, estimate: Estimate) -> Dataset:
        """A value with its uncertainty (TID 310, CID 225): a property of the value, not a second value.

        A second NUM of the same concept with Derivation "Standard Deviation" would say that values scatter
        within the region, and viewers that print no derivation would show two values for one.
        """
        name, unit = self.basis.templates.parameters[parameter], UNITS[parameter]
        uncertainty = content.number(
            self._concept("uncertainty"), estimate.sd, self.basis.templates.units[unit], "HAS PROPERTIES"
        )
        return self._number(name, estimate.value, unit, [uncertainty])

    def _segment(self, number: int) -> list[Dataset]:
        """Referenced Segment, and the series it was drawn on."""
        basis = self.basis
        uid = basis.instance_uid("segmentation")
        return [
            content.image(self._concept("referenced_segment"), SegmentationStorage, uid, "CONTAINS", number),
            content.uid_reference(self._concept("source_series"), basis.series_uid("volume"), "CONTAINS"),
        ]

    def _number(self, name: Code, value: float, unit: str, children: Iterable[Dataset] = ()) -> Dataset:
        return content.number(name, value, self.basis.templates.units[unit], "CONTAINS", children)

    def _comment(self, sentence: str) -> Dataset:
        return content.text(self._concept("comment"), sentence, "CONTAINS")

    def _concept(self, name: str) -> Code:
        return self.basis.templates.concepts[name]
