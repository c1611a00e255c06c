"""The full measurement report: the knee, two bones and 200 subregions (PS3.16 TID 1500, 1501, 1411)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from ctsma_node.analysis.result import BoneSummary, Subregion
from ctsma_node.report import content
from ctsma_node.report.basis import Basis
from ctsma_node.report.document import group, measurement_report
from ctsma_node.report.measurements import Measurements

SERIES = "report"


def full_report(basis: Basis) -> Dataset:
    """Comprehensive 3D SR of 203 measurement groups that refer to the segments of the segmentation."""
    measurements = Measurements(basis)
    groups = [
        _knee(basis, measurements),
        *(_bone(basis, measurements, summary) for summary in basis.knee.bones),
        *(
            _subregion(basis, measurements, number, subregion)
            for number, subregion in enumerate(basis.knee.subregions, start=1)
        ),
    ]
    return measurement_report(basis, SERIES, groups, with_segments=True)


def knee_comments(basis: Basis) -> list[str]:
    """What stands beside the numbers of a knee: research use, the uncertainty's meaning, the other knee."""
    others = (
        basis.text("other_knee", side=knee.side.value if knee.side else "?", reason=knee.reason)
        for knee in basis.result.not_analysed
    )
    return [basis.text("research"), basis.text("uncertainty"), *others]


def _knee(basis: Basis, measurements: Measurements) -> Dataset:
    knee = basis.knee
    children = [
        measurements.site(basis.templates.concepts["knee"]),
        *measurements.of_knee(knee),
        measurements.classification(knee),
        *measurements.comments(knee_comments(basis)),
        *measurements.marks(knee.marks),
    ]
    return group(basis, "knee", "1501", children)


def _bone(basis: Basis, measurements: Measurements, summary: BoneSummary) -> Dataset:
    site = measurements.site(basis.templates.bones[summary.bone])
    return group(basis, summary.bone.value, "1501", [site, *measurements.of_bone(summary)])


def _subregion(basis: Basis, measurements: Measurements, number: int, subregion: Subregion) -> Dataset:
    templates = basis.templates
    name = templates.subregion(subregion.name, subregion.bone, subregion.number)
    segment = content.image(
        templates.concepts["referenced_segment"],
        SegmentationStorage,
        basis.instance_uid("segmentation"),
        "CONTAINS",
        segment=number,
    )
    series = content.uid_reference(
        templates.concepts["source_series"], basis.series_uid("volume"), "CONTAINS"
    )
    children = [
        measurements.site(templates.bones[subregion.bone], name),
        *measurements.of_subregion(subregion),
        *measurements.marks(subregion.marks),
        segment,
        series,
    ]
    return group(basis, subregion.name, "1411", children)
