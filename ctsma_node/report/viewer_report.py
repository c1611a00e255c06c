"""A small measurement report that OHIF can show: three groups with a point on a slice (TID 1500, 1410).

OHIF 3.13 shows nothing of a report in which any group lacks 2D coordinates, as those of the full one do.
"""

from __future__ import annotations

import numpy as np
from highdicom.sr import ImageRegion, SourceImageForRegion
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from ctsma_node.analysis.result import Bone
from ctsma_node.report.basis import Basis
from ctsma_node.report.document import measurement_report
from ctsma_node.report.groups import Groups

SERIES = "viewer_report"
Point = tuple[float, float, float]


def viewer_report(basis: Basis) -> Dataset:
    """Comprehensive 3D SR of the knee's class and probabilities and each bone's means."""
    groups = Groups(basis)
    centres = {bone: _mean([s.centre for s in basis.knee.subregions if s.bone is bone]) for bone in Bone}
    shown = [groups.knee(_region(basis, _mean(list(centres.values()))), with_explanation=False)]
    for summary in basis.knee.bones:
        region = _region(basis, centres[summary.bone])
        shown.append(groups.bone(summary, region, with_deviation=False))
    return measurement_report(basis, SERIES, shown)


def _mean(points: list[Point]) -> Point:
    """Mean of points in LPS mm."""
    x, y, z = np.mean(points, axis=0)
    return float(x), float(y), float(z)


def _region(basis: Basis, centre: Point) -> ImageRegion:
    """Image Region: a point on the slice of the analysed volume nearest to it."""
    column, row, frame = basis.grid.to_index(centre)
    slice_number = min(max(round(frame), 0), basis.grid.frames - 1) + 1
    image = SourceImageForRegion(CTImageStorage, basis.instance_uid("volume", slice_number))
    # Coordinates count from the corner of the first pixel, indices from its centre (C.18.6.1.1).
    return ImageRegion("POINT", np.array([[column + 0.5, row + 0.5]]), image)
