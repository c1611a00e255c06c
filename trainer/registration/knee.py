"""The knee of a CT as registration needs it: HU and bones on the analysis grid, by the node's own steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis import bones
from ctsma_node.analysis.grid import SIZE, knee_affine, resample
from ctsma_node.analysis.knee import decide_side, seen_side
from ctsma_node.analysis.knees import KneeSite, find_knees
from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Bone, Side
from ctsma_node.errors import Refused
from ctsma_node.volume import Array, CTVolume


@dataclass(frozen=True, eq=False)
class CTKnee:
    """`hu[k, j, i]`, `labels[k, j, i]` (1 femur, 2 tibia, 3 patella, 4 fibula), `affine` to LPS mm."""

    side: Side
    hu: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    affine: Array

    def mask(self, bone: Bone) -> npt.NDArray[np.bool_]:
        """Voxels of a bone."""
        return np.asarray(self.labels == bones.LABEL[bone])


def knee_of(volume: CTVolume, side: Side, analyser: Analyser) -> CTKnee:
    """The knee of that side in a CT, segmented by the bundle's own networks.

    Raises Refused where the CT holds no such knee, or one that the node would refuse (cut off, metal).
    """
    bundle = analyser.bundle
    sites = find_knees(volume, bundle.finder, bundle.plan.finder_step, analyser.device)
    refusals: list[Refused] = []
    for site in sites:
        try:
            knee = _segmented(volume, site, side, analyser)
        except Refused as refused:
            refusals.append(refused)
            continue
        if knee.side is side:
            return knee
    if refusals:
        raise refusals[0]
    raise Refused("other_side", f"the CT shows no knee of the side {side}, which the cohort states")


def _segmented(volume: CTVolume, site: KneeSite, stated: Side, analyser: Analyser) -> CTKnee:
    affine = knee_affine(site.centre)
    hu, covered = resample(volume, affine, SIZE)
    bones.check_metal(hu)
    labels = bones.segment(hu, analyser.bundle.segmenter, analyser.device)
    bones.check_bones(bones.distances(labels), covered, hu)
    side, _ = decide_side(seen_side(labels, affine, site), stated, site.centre[0])
    return CTKnee(side, hu, labels, affine)
