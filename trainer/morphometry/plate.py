"""The plate model: lengths from volume and surface alone, as if all trabeculae were parallel plates.

Parfitt et al., J Clin Invest 1983; 72: 1396-1409. For rods it gives half the diameter.
"""

from __future__ import annotations

import numpy as np

from trainer.morphometry.distance import F32, Mask, Voxel
from trainer.morphometry.parameters import Method, TrabecularParameters
from trainer.morphometry.surface import surface_density


def plate_lengths(bvtv: float, density: float) -> tuple[float, float, float]:
    """Tb.Th mm, Tb.Sp mm, Tb.N 1/mm of plates with this BV/TV and BS/TV (1/mm); NaN without surface."""
    if not density > 0.0:
        return float("nan"), float("nan"), float("nan")
    return 2.0 * bvtv / density, 2.0 * (1.0 - bvtv) / density, 0.5 * density


def plate(bone: Mask, voxel: Voxel, region: Mask | None = None) -> TrabecularParameters:
    """Measure a mask [k, j, i] inside `region` by the plate model."""
    share = bone.mean() if region is None else bone[region].mean()
    return _of(float(share), surface_density(bone, voxel, region), apparent=False)


def plate_of_fraction(
    fraction: F32, voxel: Voxel, region: Mask | None = None, level: float = 0.5
) -> TrabecularParameters:
    """Measure a map of bone volume fractions: its mean is BV/TV, its crossings of `level` give BS/TV.

    The mean keeps the bone of trabeculae that are thinner than a voxel, which any threshold loses. The
    crossings are counted slice by slice: MR slices are too thick to see a trabecula from both sides.
    """
    flat = (float("inf"), voxel[1], voxel[2])
    share = fraction.mean() if region is None else fraction[region].mean()
    return _of(float(share), surface_density(np.asarray(fraction > level), flat, region), apparent=True)


def _of(bvtv: float, density: float, apparent: bool) -> TrabecularParameters:
    thickness, separation, number = plate_lengths(bvtv, density)
    return TrabecularParameters(Method.PLATE, apparent, bvtv, thickness, separation, number)
