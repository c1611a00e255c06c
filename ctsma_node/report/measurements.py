"""What was measured, as content of a measurement group (PS3.16 TID 300, 310, 1419, 1501)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.dataset import Dataset

from ctsma_node.analysis.result import (
    UNITS,
    Bone,
    BoneSummary,
    CartilageRegion,
    Estimate,
    KneeResult,
    Mark,
    OAClass,
    Parameter,
    Subregion,
)
from ctsma_node.report import content
from ctsma_node.report.basis import Basis
from ctsma_node.report.templates import Code

_REGION_BONES = {
    CartilageRegion.MEDIAL_FEMUR: Bone.FEMUR,
    CartilageRegion.LATERAL_FEMUR: Bone.FEMUR,
    CartilageRegion.MEDIAL_TIBIA: Bone.TIBIA,
    CartilageRegion.LATERAL_TIBIA: Bone.TIBIA,
    CartilageRegion.TROCHLEA: Bone.FEMUR,
}


@dataclass(frozen=True)
class Measurements:
    """Makes the content items of one knee's numbers."""

    basis: Basis

    def of_knee(self, knee: KneeResult) -> list[Dataset]:
        """Probabilities, class and cartilage scores."""
        templates = self.basis.templates
        return [
            self._number(self._concept("oa_probability"), knee.oa_probability, "1"),
            *(
                self._number(templates.class_probabilities[c], knee.class_probabilities[c], "1")
                for c in OAClass
            ),
            *(self._cartilage(region, score) for region, score in knee.cartilage.items()),
        ]

    def classification(self, knee: KneeResult) -> Dataset:
        """The class, as a qualitative evaluation."""
        value = self.basis.templates.classes[knee.oa_class]
        return content.code(self._concept("kl_class"), value, "CONTAINS")

    def of_bone(self, summary: BoneSummary, *, with_deviation: bool = True) -> list[Dataset]:
        """Mean and standard deviation over the subregions, each named by its Derivation; the volume."""
        items = []
        for parameter in Parameter:
            items.append(self._derived(parameter, summary.mean[parameter], "mean"))
            if with_deviation:
                items.append(self._derived(parameter, summary.sd[parameter], "standard_deviation"))
        return [*items, self._volume(summary.volume)]

    def of_subregion(self, subregion: Subregion) -> list[Dataset]:
        """Four values with their uncertainty; the volume."""
        values = (self._estimate(p, subregion.values[p]) for p in Parameter)
        return [*values, self._volume(subregion.volume)]

    def site(self, place: Code, modifier: Code | None = None) -> Dataset:
        """Finding Site with its laterality and, of a subregion, its name."""
        children = [
            content.code(
                self._concept("laterality"), self.basis.templates.sides[self.basis.side], "HAS CONCEPT MOD"
            )
        ]
        if modifier is not None:
            children.append(
                content.code(self._concept("topographical_modifier"), modifier, "HAS CONCEPT MOD")
            )
        return content.code(self._concept("finding_site"), place, "HAS CONCEPT MOD", children)

    def comments(self, texts: Iterable[str]) -> list[Dataset]:
        """Sentences for the reader."""
        return [content.text(self._concept("comment"), t, "CONTAINS") for t in texts]

    def marks(self, marks: Iterable[Mark]) -> list[Dataset]:
        """What a reader must know about a result."""
        return self.comments(f"{mark.code}: {mark.text}" for mark in marks)

    def _derived(self, parameter: Parameter, value: float, derivation: str) -> Dataset:
        how = content.code(self._concept("derivation"), self._concept(derivation), "HAS CONCEPT MOD")
        return self._number(self.basis.templates.parameters[parameter], value, UNITS[parameter], how)

    def _estimate(self, parameter: Parameter, estimate: Estimate) -> Dataset:
        unit = UNITS[parameter]
        return self._number(
            self.basis.templates.parameters[parameter],
            estimate.value,
            unit,
            self._uncertainty(estimate, unit),
        )

    def _cartilage(self, region: CartilageRegion, score: Estimate) -> Dataset:
        templates = self.basis.templates
        site = self.site(templates.bones[_REGION_BONES[region]])
        return self._number(
            templates.cartilage[region], score.value, "score", site, self._uncertainty(score, "score")
        )

    def _uncertainty(self, estimate: Estimate, unit: str) -> Dataset:
        """Measurement uncertainty (TID 310, CID 225): a property of the value, not a second value.

        A second NUM of the same concept with Derivation "Standard Deviation" would say that values scatter
        within the region, and viewers that print no derivation would show two values for one.
        """
        return content.number(
            self._concept("uncertainty"), estimate.sd, self.basis.templates.units[unit], "HAS PROPERTIES"
        )

    def _volume(self, value: float) -> Dataset:
        return self._number(self._concept("volume"), value, "mm3")

    def _number(self, name: Code, value: float, unit: str, *children: Dataset) -> Dataset:
        return content.number(name, value, self.basis.templates.units[unit], "CONTAINS", children)

    def _concept(self, name: str) -> Code:
        return self.basis.templates.concepts[name]
