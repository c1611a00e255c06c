"""Every method on the patches of a phantom visit: the apparent parameters that the validation compares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.morphometry.alternatives import PERCENTILE, n4_reference, percentile_reference
from trainer.morphometry.direct import direct
from trainer.morphometry.distance import F32, Mask, Voxel
from trainer.morphometry.parameters import TrabecularParameters
from trainer.morphometry.patches import PATCH_MM, Box, patch_box, voxel_of
from trainer.morphometry.plate import plate, plate_of_fraction
from trainer.morphometry.reference import SubjectReference, fit_reference, fraction_map
from trainer.morphometry.samples import Sample, statistics_of
from trainer.morphometry.skeleton import skeleton, srrd
from trainer.morphometry.thresholds import above_cut, local_mean, otsu

F64 = npt.NDArray[np.float64]

MARGIN_MM = 2.0
"""Beyond a patch on each side: spheres may reach out of what is measured."""


@dataclass(frozen=True, eq=False)
class Patch:
    """One patch with a margin: signal, fraction map and what of it is measured, [k, j, i]."""

    signal: F32
    fraction: F32
    region: Mask
    voxel: Voxel

    @property
    def flat(self) -> Voxel:
        """Slices taken apart."""
        return float("inf"), self.voxel[1], self.voxel[2]


def _direct(bone: Mask, patch: Patch) -> TrabecularParameters:
    return direct(bone, patch.flat, patch.region, halves=False, apparent=True)


METHODS: dict[str, Callable[[Patch], TrabecularParameters]] = {
    "direct, fraction > 0.35": lambda p: _direct(above_cut(p.fraction), p),
    "direct, fraction > 0.25": lambda p: _direct(above_cut(p.fraction, 0.25), p),
    "direct, fraction > 0.5": lambda p: _direct(above_cut(p.fraction, 0.5), p),
    "direct, Otsu": lambda p: _direct(otsu(p.signal, p.region), p),
    "direct, local threshold": lambda p: _direct(local_mean(p.signal), p),
    "plate, fraction > 0.35": lambda p: plate(above_cut(p.fraction), p.flat, p.region),
    "plate, grey levels": lambda p: plate_of_fraction(p.fraction, p.voxel, p.region, 0.35),
    "skeleton, fraction > 0.35": lambda p: skeleton(above_cut(p.fraction), p.voxel, p.region),
    "srrd as released": lambda p: srrd(p.signal, p.voxel),
}
REFERENCES = ("texture", "97th percentile", "N4", "percentile of the patch")


def compare(samples: Iterable[Sample]) -> dict[str, Any]:
    """Arrays of one visit: those of `statistics_of`, and by bone the points' numbers, rows of METHODS (n, 4).

    With each of REFERENCES app.BV/TV (n,).
    """
    arrays: dict[str, Any] = {}
    for sample in samples:
        reference = fit_reference(sample.mr, sample.region)
        found: dict[str, Any] = {
            "numbers": sample.numbers,
            **_thresholded(sample, reference),
            **_references(sample, reference),
        }
        arrays |= statistics_of([sample])
        arrays |= {f"{sample.bone}_{name}": value for name, value in found.items()}
    return arrays


def _thresholded(sample: Sample, reference: SubjectReference) -> dict[str, F64]:
    """Rows (n, 4) of each of METHODS."""
    fraction = fraction_map(sample.mr, reference, sample.region)
    patches = [_patch(sample, fraction, centre) for centre in sample.centres]
    return {name: np.stack([method(p).as_row() for p in patches]) for name, method in METHODS.items()}


def _patch(sample: Sample, fraction: F32, centre: F64) -> Patch:
    voxel, shape = voxel_of(sample.mr.affine), sample.mr.signal.shape
    index = sample.mr.to_index(centre)[::-1]
    box, wide = (patch_box(index, voxel, shape, side) for side in (PATCH_MM, PATCH_MM + 2 * MARGIN_MM))
    if box is None or wide is None:
        raise ValueError("a patch lies off the grid")
    slices = box[0], wide[1], wide[2]
    measured = np.zeros(shape, dtype=np.bool_)[slices]
    measured[:, _within(box[1], wide[1]), _within(box[2], wide[2])] = sample.region[box]
    return Patch(sample.mr.signal[slices], fraction[slices], measured, voxel)


def _within(inner: slice, outer: slice) -> slice:
    return slice(inner.start - outer.start, inner.stop - outer.start)


def _references(sample: Sample, reference: SubjectReference) -> dict[str, F64]:
    """app.BV/TV (n,) with each marrow reference."""
    boxes: list[Box] = list(sample.boxes())
    mean = np.array([sample.mr.signal[box][sample.region[box]].mean() for box in boxes])
    high = [np.percentile(sample.mr.signal[box][sample.region[box]], PERCENTILE) for box in boxes]
    makers = (percentile_reference, n4_reference)
    others = [make(sample.mr, sample.region, reference.noise) for make in makers]
    levels = [one.marrow_at(sample.centres) for one in (reference, *others)] + [np.array(high)]
    return {name: 1.0 - mean / level for name, level in zip(REFERENCES, levels, strict=True)}
