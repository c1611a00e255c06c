"""The full measurement report: the knee, two bones and 200 subregions (PS3.16 TID 1500, 1501, 1411).

highdicom makes the document with the groups of knee and bones. The subregions' groups, 4,000 items of a few
kinds, join it afterwards as items whose codes are encoded once: by its templates they took 2.5 s, not 0.2 s.
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from ctsma_node.report import references
from ctsma_node.report.basis import Basis
from ctsma_node.report.document import measurement_report
from ctsma_node.report.groups import Groups
from ctsma_node.report.subregion_groups import SubregionGroups

SERIES = "report"


def full_report(basis: Basis) -> Dataset:
    """Comprehensive 3D SR of 203 measurement groups that refer to the segments of the segmentation."""
    groups = Groups(basis)
    few = [groups.knee(), *(groups.bone(summary) for summary in basis.knee.bones)]
    ds = measurement_report(basis, SERIES, few, references.segmentation(basis))
    groups_of = ds.ContentSequence[-1]["ContentSequence"]
    groups_of.value = [*groups_of.value, *SubregionGroups(basis).all()]
    return ds
