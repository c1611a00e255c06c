"""How far a synthesis moves what it shows (paper, Table 4, upper half): landmarks of sCT and MR compared.

Nobody reads landmarks in hundreds of images here. Instead the surroundings of each landmark in the CT are
turned as the bone lies in the MR, which is known exactly, and looked for in the sCT by normalised
cross-correlation: where they fit best, less where they should, is the error of that landmark.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from skimage.feature import match_template

from ctsma_node.analysis.grid import resample
from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array, CTVolume, apply
from trainer.evaluation.registration.errors import Landmarks
from trainer.patches.transforms import Transforms

STEP = 1.0
"""mm between the points that are compared; the best fit is found between them."""
HALF = 18.0
"""mm from a landmark to the faces of the cube that is looked for: bone curves every way in it."""
REACH = 10.0
"""mm along each axis that it may be found away; one that fits best at the end counts as that far off."""
_BONE = (100.0, 900.0)
"""HU that differences are seen between: soft tissue moves otherwise than the bone, and is none."""
_SEEN = 0.7
"""Share of both cubes that must lie in their images."""


@dataclass(frozen=True)
class Displacement:
    """Of the landmarks of a pair that sCT and CT both show, femur first."""

    errors_mm: list[float]
    correlation: list[float]
    """At the best fit."""


def displacement(
    ct: CTVolume, sct: CTVolume, coarse: Array, truth: Transforms, landmarks: Landmarks
) -> Displacement:
    """`sct` lies in the CT's frame by `coarse`; `truth` are the bones' own motions (CT to MR, LPS mm)."""
    back = np.asarray(np.linalg.inv(coarse))
    found = [
        _one(ct, sct, np.linalg.inv(truth[bone]) @ coarse, apply(back, point))
        for bone in Bone
        for point in landmarks[bone][1]
    ]
    seen = [each for each in found if each is not None]
    return Displacement([error for error, _ in seen], [fit for _, fit in seen])


def _one(ct: CTVolume, sct: CTVolume, to_ct: Array, at: Array) -> tuple[float, float] | None:
    """Error (mm) and correlation of the landmark that should be at `at` in the sCT; None where it is unseen.

    `to_ct` takes a point of the sCT to where the CT shows it.
    """
    inner, outer = _cube(at, HALF), _cube(at, HALF + REACH)
    wanted, in_ct = resample(ct, to_ct @ inner[0], inner[1])
    given, in_sct = resample(sct, outer[0], outer[1])
    wanted, given = np.clip(wanted, *_BONE), np.clip(given, *_BONE)
    if min(in_ct.mean(), in_sct.mean()) < _SEEN or wanted.std() == 0.0:
        return None
    fit = match_template(given, wanted)
    offset = (_peak(fit) - (np.array(fit.shape) - 1) / 2.0) * STEP
    return float(np.linalg.norm(offset)), float(fit.max())


def _peak(fit: npt.NDArray[np.floating]) -> Array:
    """Where a map is highest, (3,) between its samples by a parabola along each axis."""
    best = np.array(np.unravel_index(int(fit.argmax()), fit.shape))
    out = best.astype(np.float64)
    for axis in range(3):
        if 0 < best[axis] < fit.shape[axis] - 1:
            low, middle, high = (fit[tuple(best + step * (np.arange(3) == axis))] for step in (-1, 0, 1))
            bend = low - 2.0 * middle + high
            out[axis] += 0.5 * (low - high) / bend if bend < 0.0 else 0.0
    return out


def _cube(centre: Array, half: float) -> tuple[Array, tuple[int, int, int]]:
    """Affine and size of a grid of STEP along L, P and S."""
    count = round(half / STEP)
    affine = np.diag([STEP, STEP, STEP, 1.0])
    affine[:3, 3] = centre - count * STEP
    return affine, (2 * count + 1,) * 3
