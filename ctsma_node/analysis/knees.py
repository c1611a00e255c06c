"""Find the knees in a field of view: none, one or two, each with its centre and its side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from ctsma_node.analysis.coarse import (
    FEMUR,
    FIBULA,
    PATELLA,
    PATELLA_REACH,
    TIBIA,
    Coarse,
    Mask,
    label_coarse,
)
from ctsma_node.analysis.front import check_front
from ctsma_node.analysis.networks import KneeFinder
from ctsma_node.analysis.result import Side
from ctsma_node.analysis.sides import side_of_fibula
from ctsma_node.errors import Refused
from ctsma_node.volume import Array, CTVolume, apply

_LEAST_BONE = 12_000.0
"""mm3 of femur or tibia below which a piece is not looked at."""
_JOINT_GAP = 14.0
"""mm between femur and tibia voxels that face each other across a joint."""
_APART = 40.0
"""mm between a femur and a tibia that belong together and do not meet."""
_LEAST_FACING = 20
_WIDE_PART = 36.0
"""mm above and below the joint in which the bones are at their widest."""
_HALF_WIDTH = 70.0
"""mm from the middle of the facing surfaces within which the bones of one knee lie."""
_FIBULA_REACH = 60.0
"""mm from the tibia's axis within which its fibula lies."""


@dataclass(frozen=True)
class KneeSite:
    """A knee in the field of view: joint centre in LPS mm, side as far as it can be told here."""

    centre: tuple[float, float, float]
    side: Side | None
    paired: bool = False
    """The other knee is in the field of view, too."""


def find_knees(volume: CTVolume, finder: KneeFinder, step: float, device: torch.device) -> list[KneeSite]:
    """The knees of a volume, the patient's right one first.

    Raises Refused `no_knee` where there is no bone of a knee, `knee_cut_off` where there is femur or tibia
    without the joint between them, `bones_not_credible` where both do not meet, `side_unknown` where front
    and back are exchanged.
    """
    coarse = label_coarse(volume, finder, step, device)
    femurs, tibias = coarse.pieces(FEMUR, _LEAST_BONE), coarse.pieces(TIBIA, _LEAST_BONE)
    sites = [site for f in femurs for t in tibias if (site := _joint(coarse, f, t)) is not None]
    if not sites:
        raise _no_joint(coarse, femurs, tibias)
    check_front(coarse, [site.centre for site in sites], volume, finder, device)
    return _order(_distinct(sites))


def _no_joint(coarse: Coarse, femurs: list[Mask], tibias: list[Mask]) -> Refused:
    """What is said of a field of view without a joint."""
    if any(_distance(coarse, f, t) <= _APART for f in femurs for t in tibias):
        return Refused(
            "bones_not_credible",
            "Femur and tibia do not meet in a joint: it is dislocated or held apart, or the positions of the "
            "slices are wrong.",
        )
    if femurs or tibias:
        which = "a femur" if femurs else "a tibia"
        return Refused(
            "knee_cut_off" if not (femurs and tibias) else "no_knee",
            f"The field of view shows {which} but no knee joint: both bones must be in the series.",
        )
    if coarse.volume(coarse.labels > 0) >= _LEAST_BONE:
        return Refused(
            "knee_cut_off",
            "The field of view shows parts of a knee but no knee joint: both bones must be in the series.",
        )
    return Refused("no_knee", "No knee was found in the field of view: route only knee CTs to this node.")


def _distance(coarse: Coarse, femur: Mask, tibia: Mask) -> float:
    """mm between the nearest voxels of two pieces."""
    return float(ndimage.distance_transform_edt(~femur, sampling=coarse.step)[tibia].min())


def _joint(coarse: Coarse, femur: Mask, tibia: Mask) -> KneeSite | None:
    """The joint between two pieces: where they face each other, the femur above."""
    to_femur = ndimage.distance_transform_edt(~femur, sampling=coarse.step)
    to_tibia = ndimage.distance_transform_edt(~tibia, sampling=coarse.step)
    lower, upper = (
        np.argwhere(femur & (to_tibia <= _JOINT_GAP)),
        np.argwhere(tibia & (to_femur <= _JOINT_GAP)),
    )
    if min(len(lower), len(upper)) < _LEAST_FACING:
        return None
    femur_middle, tibia_middle = np.argwhere(femur).mean(axis=0), np.argwhere(tibia).mean(axis=0)
    if femur_middle[0] <= tibia_middle[0]:
        return None
    middle = (lower.mean(axis=0) + upper.mean(axis=0)) / 2.0
    middle[2] = _middle_across(femur | tibia, middle, coarse.step)
    x, y, z = apply(coarse.affine, middle[::-1])
    centre = (float(x), float(y), float(z))
    return KneeSite(centre, _side_by_fibula(coarse, tibia, centre))


def _middle_across(bones: Mask, middle: Array, step: float) -> float:
    """Middle of the bones' width around the joint: the grid is hardly wider than a large knee.

    Bones that hang together with those of the other leg are those of two knees.
    """
    rows, columns = (
        slice(max(round(at - reach / step), 0), round(at + reach / step) + 1)
        for at, reach in ((middle[0], _WIDE_PART), (middle[2], _HALF_WIDTH))
    )
    found = np.flatnonzero(bones[rows, :, columns].any(axis=(0, 1))) + columns.start
    return float(found[0] + found[-1]) / 2.0


def _side_by_fibula(coarse: Coarse, tibia: Mask, centre: tuple[float, float, float]) -> Side | None:
    shin = apply(coarse.affine, np.argwhere(tibia)[:, ::-1].astype(np.float64))
    fibula = apply(coarse.affine, np.argwhere(coarse.labels == FIBULA)[:, ::-1].astype(np.float64))
    near = np.linalg.norm((fibula - shin.mean(axis=0))[:, :2], axis=1) < _FIBULA_REACH
    patella = coarse.points(PATELLA, centre, PATELLA_REACH)
    voxel = coarse.step**3
    return side_of_fibula(np.asarray(fibula[near]), np.asarray(shin), patella, np.asarray(centre), voxel)


def _distinct(sites: list[KneeSite]) -> list[KneeSite]:
    """One site for each joint: pieces of one broken label give the same place twice."""
    kept: list[KneeSite] = []
    for site in sites:
        if all(np.linalg.norm(np.subtract(site.centre, k.centre)) > 50.0 for k in kept):
            kept.append(site)
    return kept


def _order(sites: list[KneeSite]) -> list[KneeSite]:
    """Right to left; of two knees side by side the one with the smaller x is the right one."""
    sites = sorted(sites, key=lambda s: s.centre[0])
    if len(sites) != 2:
        return sites
    told = all(site.side is not None for site in sites)
    by_place = (Side.RIGHT, Side.LEFT)
    return [
        KneeSite(site.centre, site.side if told else place, paired=True)
        for site, place in zip(sites, by_place, strict=True)
    ]
