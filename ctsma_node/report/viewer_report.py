"""A small measurement report that OHIF can show: three groups with a point on a slice (TID 1500, 1410).

OHIF 3.13 shows nothing of a report in which any group lacks 2D coordinates, as those of the full one do.
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from ctsma_node.analysis.result import Bone, BoneSummary
from ctsma_node.report import content
from ctsma_node.report.basis import Basis
from ctsma_node.report.document import group, measurement_report
from ctsma_node.report.full_report import knee_comments
from ctsma_node.report.measurements import Measurements

SERIES = "viewer_report"
Point = tuple[float, float, float]


def viewer_report(basis: Basis) -> Dataset:
    """Comprehensive 3D SR of the knee's class and probabilities and each bone's means."""
    measurements = Measurements(basis)
    centres = {bone: _centre(basis, bone) for bone in Bone}
    middle = np.mean(list(centres.values()), axis=0)
    groups = [_knee(basis, measurements, (float(middle[0]), float(middle[1]), float(middle[2])))]
    groups += [_bone(basis, measurements, s, centres[s.bone]) for s in basis.knee.bones]
    return measurement_report(basis, SERIES, groups, with_segments=False)


def _knee(basis: Basis, measurements: Measurements, centre: Point) -> Dataset:
    knee = basis.knee
    children = [
        measurements.site(basis.templates.concepts["knee"]),
        *measurements.of_knee(knee),
        measurements.classification(knee),
        *measurements.comments(knee_comments(basis)),
        *measurements.marks(knee.marks),
        _region(basis, centre),
    ]
    return group(basis, "knee", "1410", children)


def _bone(basis: Basis, measurements: Measurements, summary: BoneSummary, centre: Point) -> Dataset:
    site = measurements.site(basis.templates.bones[summary.bone])
    means = measurements.of_bone(summary, with_deviation=False)
    return group(basis, summary.bone.value, "1410", [site, *means, _region(basis, centre)])


def _centre(basis: Basis, bone: Bone) -> Point:
    """Mean of the centres of a bone's subregions, in LPS mm."""
    centres = [s.centre for s in basis.knee.subregions if s.bone is bone]
    x, y, z = np.mean(centres, axis=0)
    return float(x), float(y), float(z)


def _region(basis: Basis, centre: Point) -> Dataset:
    """Image Region: a point on the slice of the analysed volume nearest to it."""
    column, row, frame = basis.grid.to_index(centre)
    slice_number = min(max(round(frame), 0), basis.grid.frames - 1) + 1
    concepts = basis.templates.concepts
    image = content.image(
        concepts["source"], CTImageStorage, basis.instance_uid("volume", slice_number), "SELECTED FROM"
    )
    # Coordinates count from the corner of the first pixel, indices from its centre.
    return content.point(concepts["image_region"], column + 0.5, row + 0.5, "CONTAINS", image)
