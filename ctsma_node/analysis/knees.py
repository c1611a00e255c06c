"""Find the knees in a field of view: none, one or two, each with its centre and its side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from ctsma_node.analysis.batches import in_batches
from ctsma_node.analysis.grid import AIR, axis_aligned_affine, resample
from ctsma_node.analysis.networks import KneeFinder
from ctsma_node.analysis.result import Side
from ctsma_node.errors import Refused
from ctsma_node.volume import Array, CTVolume, apply

FEMUR, TIBIA, PATELLA, FIBULA = 1, 2, 3, 4
_LEAST_BONE = 12_000.0
"""mm3 of femur or tibia below which a piece is not looked at."""
_JOINT_GAP = 14.0
"""mm between femur and tibia voxels that face each other across a joint."""
_LEAST_FACING = 20
_WIDE_PART = 36.0
"""mm above and below the joint in which the bones are at their widest."""
_FIBULA_REACH = 60.0
"""mm from the tibia's axis within which its fibula lies."""
_LEAST_PATELLA = 5_000.0
"""mm3: of 24 drawn knees, each had 13.8 cm3 and more as it lay, and at most 2.0 when it was turned about."""
_HALF_TURN = np.diag([-1.0, -1.0, 1.0, 1.0])
"""About the long axis, in LPS."""

Labels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class KneeSite:
    """A knee in the field of view: joint centre in LPS mm, side as far as it can be told here."""

    centre: tuple[float, float, float]
    side: Side | None


@dataclass(frozen=True)
class Coarse:
    """The finder's labels [z, y, x] on its own grid, cubic voxels of `step` mm along L, P, S.

    `certainty` is the mean log of the probability that it gives to what it calls bone; -inf without any.
    """

    labels: Labels
    affine: Array
    step: float
    certainty: float


def find_knees(volume: CTVolume, finder: KneeFinder, step: float, device: torch.device) -> list[KneeSite]:
    """The knees of a volume, the patient's right one first.

    Raises Refused `no_knee` where there is no bone of a knee, `knee_cut_off` where there is femur or tibia
    without the joint between them, `side_unknown` where front and back are exchanged.
    """
    coarse = label_coarse(volume, finder, step, device)
    femurs, tibias = _pieces(coarse, FEMUR), _pieces(coarse, TIBIA)
    sites = [site for f in femurs for t in tibias if (site := _joint(coarse, f, t)) is not None]
    if not sites and (femurs or tibias):
        which = "a femur" if femurs else "a tibia"
        raise Refused(
            "knee_cut_off" if not (femurs and tibias) else "no_knee",
            f"The field of view shows {which} but no knee joint: both bones must be in the series.",
        )
    if not sites and _volume(coarse.labels > 0, coarse.step) >= _LEAST_BONE:
        raise Refused(
            "knee_cut_off",
            "The field of view shows parts of a knee but no knee joint: both bones must be in the series.",
        )
    if not sites:
        raise Refused("no_knee", "No knee was found in the field of view: route only knee CTs to this node.")
    _check_front(coarse, volume, finder, device)
    return _order(_distinct(sites))


def _check_front(coarse: Coarse, volume: CTVolume, finder: KneeFinder, device: torch.device) -> None:
    """Refuse knees whose patella is behind them: a prone patient who was entered as supine, or the reverse.

    The bones alone would then be measured, with left taken for right.
    """
    if _volume(coarse.labels == PATELLA, coarse.step) >= _LEAST_PATELLA:
        return
    turned = label_coarse(CTVolume(volume.hu, _HALF_TURN @ volume.affine), finder, coarse.step, device)
    if turned.certainty <= coarse.certainty:
        return
    if _volume(turned.labels == PATELLA, turned.step) >= _LEAST_PATELLA:
        raise Refused(
            "side_unknown",
            "Left or right cannot be told: the patella lies behind the knee, as where the patient lay prone "
            "and was entered as supine, or the reverse. Correct Patient Position, Image Position and "
            "Image Orientation, and send the series again.",
        )


def label_coarse(volume: CTVolume, finder: KneeFinder, step: float, device: torch.device) -> Coarse:
    """Run the finder on the whole field of view."""
    affine, size = axis_aligned_affine(volume, step)
    hu, _ = resample(volume, affine, size)
    pad = [(0, -n % 16) for n in hu.shape]
    x = torch.from_numpy(np.pad(hu, pad, constant_values=AIR))[None, None]
    (logits,) = in_batches(finder, (x,), 1, device)
    k, j, i = hu.shape
    highest, found = logits[0, :, :k, :j, :i].log_softmax(dim=0).max(dim=0)
    labels = found.to(torch.uint8).cpu().numpy()
    bone = highest[found > 0]
    return Coarse(labels, affine, step, float(bone.mean()) if len(bone) else -np.inf)


def _pieces(coarse: Coarse, label: int) -> list[Mask]:
    """Connected pieces of one bone that are large enough."""
    pieces, n = ndimage.label(coarse.labels == label, structure=np.ones((3, 3, 3)))
    found = [pieces == p for p in range(1, n + 1)]
    return [piece for piece in found if _volume(piece, coarse.step) >= _LEAST_BONE]


def _volume(mask: Mask, step: float) -> float:
    """mm3 of the voxels of a mask."""
    return float(mask.sum()) * step**3


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
    middle[2] = _middle_across(femur | tibia, middle[0], coarse.step)
    x, y, z = apply(coarse.affine, middle[::-1])
    return KneeSite((float(x), float(y), float(z)), _side_by_fibula(coarse, tibia))


def _middle_across(bones: Mask, level: float, step: float) -> float:
    """Middle of the bones' width around the joint: the grid is hardly wider than a large knee."""
    reach = _WIDE_PART / step
    rows = slice(max(round(level - reach), 0), round(level + reach) + 1)
    columns = np.flatnonzero(bones[rows].any(axis=(0, 1)))
    return float(columns[0] + columns[-1]) / 2.0


def _side_by_fibula(coarse: Coarse, tibia: Mask) -> Side | None:
    """The fibula is lateral of the tibia: to the patient's left (+x) in a left knee."""
    fibula = np.argwhere(coarse.labels == FIBULA)
    shin = np.argwhere(tibia)
    if len(fibula) == 0:
        return None
    middle = shin.mean(axis=0)
    near = fibula[np.linalg.norm((fibula - middle)[:, 1:], axis=1) * coarse.step < _FIBULA_REACH]
    step = np.float64(coarse.step)
    return side_of_fibula(np.asarray(near * step), np.asarray(shin * step))


def side_of_fibula(fibula: Array, tibia: Array) -> Side | None:
    """Side from voxels (n, 3) in (z, y, x) mm with x to the patient's left; None if it cannot be told."""
    if len(fibula) < 8:
        return None
    low, high = fibula[:, 0].min(), fibula[:, 0].max()
    level = tibia[(tibia[:, 0] >= low) & (tibia[:, 0] <= high)]
    if len(level) == 0:
        return None
    offset = float(fibula[:, 2].mean() - level[:, 2].mean())
    if abs(offset) < 8.0:
        return None
    return Side.LEFT if offset > 0 else Side.RIGHT


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
    if len(sites) == 2 and any(s.side is None for s in sites):
        return [KneeSite(sites[0].centre, Side.RIGHT), KneeSite(sites[1].centre, Side.LEFT)]
    return sites
