"""The segments of a Segmentation, one for each subregion: names, codes and colours (PS3.3 C.8.20.4)."""

from __future__ import annotations

import math

from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import SegmentDescription
from highdicom.sr import CodedConcept

from ctsma_node.analysis.result import Bone, Subregion
from ctsma_node.report.basis import Basis
from ctsma_node.report.items import coded


def segments(basis: Basis) -> list[SegmentDescription]:
    """Segments 1, 2, ... in the order of the result's subregions."""
    algorithm = AlgorithmIdentificationSequence(
        basis.text("algorithm"),
        family=basis.concept("artificial_intelligence"),
        version=basis.node.software_version,
        parameters={"bundle": basis.bundle, "sha256": basis.bundle_digest},
    )
    regions = {bone: _region(basis, bone) for bone in Bone}
    return [
        SegmentDescription(
            number,
            f"{basis.side.value} {basis.templates.bones[subregion.bone].meaning} {subregion.name}",
            basis.concept("tissue"),
            basis.concept("bone_tissue"),
            "AUTOMATIC",
            algorithm,
            tracking_uid=basis.tracking_uid(subregion.name),
            tracking_id=basis.tracking_id(subregion.name),
            anatomic_regions=[regions[subregion.bone]],
            display_color=_colour(basis, subregion),
        )
        for number, subregion in enumerate(basis.knee.subregions, start=1)
    ]


def _region(basis: Basis, bone: Bone) -> CodedConcept:
    """Anatomic Region with its side."""
    code = basis.templates.bones[bone]
    region = CodedConcept(code.value, code.scheme, code.meaning)
    region.AnatomicRegionModifierSequence = [coded(basis.templates.sides[basis.side])]
    return region


def _colour(basis: Basis, subregion: Subregion) -> CIELabColor:
    colours = basis.templates.colours
    hue = math.radians(colours.golden_angle_deg * subregion.number)
    a, b = colours.chroma * math.cos(hue), colours.chroma * math.sin(hue)
    return CIELabColor(colours.lightness[subregion.bone], a, b)
