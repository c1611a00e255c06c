"""Measurement groups of the knee and its bones (PS3.16 TID 1501, 1410), by highdicom's templates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from highdicom import sr

from ctsma_node.analysis.result import (
    UNITS,
    Bone,
    BoneSummary,
    CartilageRegion,
    Compartment,
    Estimate,
    OAClass,
    Parameter,
)
from ctsma_node.report.basis import Basis
from ctsma_node.report.codes import Code
from ctsma_node.report.content import finite
from ctsma_node.report.items import coded
from ctsma_node.report.reasons import sentences
from ctsma_node.report.remarks import comments

_REGION_BONES = {
    CartilageRegion.MEDIAL_FEMUR: Bone.FEMUR,
    CartilageRegion.LATERAL_FEMUR: Bone.FEMUR,
    CartilageRegion.MEDIAL_TIBIA: Bone.TIBIA,
    CartilageRegion.LATERAL_TIBIA: Bone.TIBIA,
    CartilageRegion.TROCHLEA: Bone.FEMUR,
    Compartment.MEDIAL_FEMUR: Bone.FEMUR,
    Compartment.LATERAL_FEMUR: Bone.FEMUR,
    Compartment.MEDIAL_TIBIA: Bone.TIBIA,
    Compartment.LATERAL_TIBIA: Bone.TIBIA,
}


Group = sr.MeasurementsAndQualitativeEvaluations | sr.PlanarROIMeasurementsAndQualitativeEvaluations


@dataclass(frozen=True)
class Groups:
    """Makes the groups of one knee: of a point on an image where one is given, else of all images."""

    basis: Basis

    def knee(self, region: sr.ImageRegion | None = None, *, with_explanation: bool = True) -> Group:
        """Probabilities, class and cartilage scores, and the sentences a reader needs beside them."""
        knee, templates = self.basis.knee, self.basis.templates
        values = [
            self._measurement(templates.concepts["oa_probability"], knee.oa_probability, "1"),
            *(
                self._measurement(templates.class_probabilities[c], knee.class_probabilities[c], "1")
                for c in OAClass
            ),
            *(self._cartilage(scored, score) for scored, score in knee.cartilage.items()),
            *(self._explanation() if with_explanation else ()),
        ]
        evaluation = sr.QualitativeEvaluation(
            self.basis.concept("kl_class"), coded(templates.classes[knee.oa_class])
        )
        group = self._group(
            "knee",
            region,
            finding_sites=[self._site(templates.concepts["knee"])],
            measurements=values,
            qualitative_evaluations=[evaluation],
        )
        group[0].ContentSequence.extend(self._comments(with_explanation))
        return group

    def bone(
        self, summary: BoneSummary, region: sr.ImageRegion | None = None, *, with_deviation: bool = True
    ) -> Group:
        """Mean and SD over the subregions, each named by its Derivation; the measured volume."""
        values = []
        for parameter in Parameter:
            values.append(self._derived(parameter, summary.mean[parameter], "mean"))
            if with_deviation:
                values.append(self._derived(parameter, summary.sd[parameter], "standard_deviation"))
        values.append(
            self._measurement(self.basis.templates.concepts["measured_volume"], summary.volume, "mm3")
        )
        site = self._site(self.basis.templates.bones[summary.bone])
        return self._group(summary.bone.value, region, finding_sites=[site], measurements=values)

    def _group(self, name: str, region: sr.ImageRegion | None, **contents: Any) -> Group:
        basis = self.basis
        contents |= {
            "tracking_identifier": sr.TrackingIdentifier(basis.tracking_uid(name), basis.tracking_id(name)),
            "finding_category": basis.concept("tissue"),
            "finding_type": basis.concept("bone_tissue"),
            "algorithm_id": sr.AlgorithmIdentification(basis.text("algorithm"), basis.node.software_version),
        }
        if region is None:
            return sr.MeasurementsAndQualitativeEvaluations(**contents)
        return sr.PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=region, **contents)

    def _site(self, place: Code) -> sr.FindingSite:
        return sr.FindingSite(coded(place), laterality=coded(self.basis.templates.sides[self.basis.side]))

    def _derived(self, parameter: Parameter, value: float, derivation: str) -> sr.Measurement:
        name = self.basis.templates.parameters[parameter]
        return self._measurement(name, value, UNITS[parameter], derivation=self.basis.concept(derivation))

    def _cartilage(self, region: CartilageRegion, score: Estimate) -> sr.Measurement:
        templates = self.basis.templates
        return self._measurement(
            templates.cartilage[region],
            score.value,
            "score",
            finding_sites=[self._site(templates.bones[_REGION_BONES[region]])],
            properties=self._uncertainty(score.sd, "score"),
        )

    def _explanation(self) -> Iterable[sr.Measurement]:
        """The probability of the reference, and what each half of a bone adds to its log-odds."""
        explanation, templates = self.basis.knee.explanation, self.basis.templates
        reference = explanation.reference_probability
        yield self._measurement(templates.concepts["reference_probability"], reference, "1")
        for compartment, name in templates.contributions.items():
            site = self._site(templates.bones[_REGION_BONES[compartment]])
            yield self._measurement(name, explanation.of(compartment), "log_odds", finding_sites=[site])

    def _uncertainty(self, sd: float, unit: str) -> sr.MeasurementProperties:
        """Measurement uncertainty (TID 310, CID 225): highdicom's arguments know unequal ranges only."""
        properties = sr.MeasurementProperties()
        item = sr.NumContentItem(
            self.basis.concept("uncertainty"),
            finite(self.basis.templates.concepts["uncertainty"], sd),
            coded(self.basis.templates.units[unit]),
            relationship_type="HAS PROPERTIES",
        )
        properties.append(item)
        return properties

    def _measurement(self, name: Code, value: float, unit: str, **more: Any) -> sr.Measurement:
        return sr.Measurement(
            coded(name), finite(name, value), coded(self.basis.templates.units[unit]), **more
        )

    def _comments(self, with_explanation: bool) -> Iterable[sr.TextContentItem]:
        concept = self.basis.concept("comment")
        reasons = sentences(self.basis.knee.explanation, self.basis.templates) if with_explanation else []
        for text in [*comments(self.basis), *reasons]:
            yield sr.TextContentItem(concept, text, relationship_type="CONTAINS")
