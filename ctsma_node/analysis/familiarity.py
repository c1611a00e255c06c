"""How far a knee's CT lies from those that the student learned from.

A knee is described by what the student sees of it: texture statistics of its 200 central patches, the scan's
noise, and where its subregions lie. In each group of the description the most extreme column counts beside
the reach of the knees of training (alone), and so does the most extreme principal component (together): noise
of three times the worst scan is far off in a few columns only, and a distance over all of them drowns it. Of
the whole description the Mahalanobis distance counts; of the subregions, that of the most unusual ones from
the rest of their own bone, for a fault of a part is lost in the whole. Each measure is divided by its limit,
and the largest counts. Distances of features as a measure of what a network has not seen: Lee et al. 2018,
"A simple unified framework for detecting out-of-distribution samples", NeurIPS 31. Components beside their
usual reach: Jackson and Mudholkar 1979, "Control procedures for residuals associated with principal component
analysis", Technometrics 21.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch

from ctsma_node.analysis.features import FEATURES, LAGS, patch_features
from ctsma_node.analysis.patches import CONTEXT
from ctsma_node.analysis.plan import GROUPS, MEASURES, FamiliarityPlan
from ctsma_node.analysis.result import SUBREGIONS_PER_BONE, Bone, Familiarity, Mark, Trait
from ctsma_node.errors import Refused
from ctsma_node.volume import Array

LEAST_BONE = 0.25
"""Part of a patch that must be trabecular bone; the statistics of less are not compared."""
WORST = 8
"""Subregions of a bone whose mean distance is its local one: a plane through a bone touches more."""
_ROWS = {bone: slice(n * SUBREGIONS_PER_BONE, (n + 1) * SUBREGIONS_PER_BONE) for n, bone in enumerate(Bone)}
_FEWEST = 20
"""Subregions of a bone with enough bone; with fewer there is nothing to compare."""


WORDS: dict[Trait, str] = {
    Trait.NOISE: "the noise of the image",
    Trait.SHARPNESS: "the sharpness of the image",
    Trait.DENSITY: "the density of the bone",
    Trait.STRUCTURE: "the structure of the bone",
    Trait.SHAPE: "the shape of the bones",
    Trait.WHOLE: "how noise, sharpness, density, structure and shape go together",
    Trait.LOCAL: "one part of a bone beside the rest of it",
}
"""Each trait in words that a radiologist reads."""


@dataclass(frozen=True, eq=False)
class Look:
    """What is compared of one knee, femur first.

    `features` (200, len(COLUMNS)), NaN where a patch holds too little bone; `positions` (200, 3) mm along
    lateral, inferior and posterior, NaN where there is no patch; `context` (3,) as `noise_context`.
    """

    features: Array
    positions: Array
    context: Array


@dataclass(frozen=True, eq=False)
class Reference:
    """What is usual; scales and covariances as `trainer.familiarity` fits them.

    `template` (200, 3) mm: middles of the subregions, each bone about its own middle; `local_mean` (200, F)
    and `local_scale` (F,) of a subregion's features less its bone's mean, with `local_covariance` (F, F) of
    them so scaled; `mean`, `scale` (D,) and `covariance` (D, D) of `describe`, so scaled. `basis` (D, D), a
    block for each group, turns it into the group's components; `reach_alone` and `reach_together` (D,) are
    what few columns and components of training exceed.
    """

    template: Array
    local_mean: Array
    local_scale: Array
    local_covariance: Array
    mean: Array
    scale: Array
    covariance: Array
    basis: Array
    reach_alone: Array
    reach_together: Array

    @cached_property
    def inverse(self) -> Array:
        """Of the covariance."""
        return _inverse(self.covariance)

    @cached_property
    def local_inverse(self) -> Array:
        """Of the local covariance."""
        return _inverse(self.local_covariance)

    def arrays(self) -> dict[str, Array]:
        """The arrays by name, as a file keeps them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _columns() -> list[tuple[str, Trait]]:
    """Names of a patch's columns and the group of each."""
    sharp = [f"log structure {axis}{a} less {axis}{b}" for a, b in pairwise(LAGS) for axis in "kji"]
    dense = [name for name in FEATURES if name == "mean" or name.startswith("quantile")]
    wide = [
        "sd",
        "skewness",
        *(f"log structure {axis}{LAGS[-1]}" for axis in "kji"),
        "log sd of means over 3",
    ]
    groups = {
        Trait.DENSITY: dense,
        Trait.STRUCTURE: wide,
        Trait.SHARPNESS: [*sharp, "sd less log sd of means over 2"],
        Trait.SHAPE: ["mask fraction"],
    }
    return [(name, trait) for trait, names in groups.items() for name in names]


COLUMNS: tuple[str, ...] = tuple(name for name, _ in _columns())
"""Texture statistics of a patch, the structure function as its last lag and its rise from lag to lag."""
_SHAPES = (
    *(f"size of the {bone.value} along {axis}" for bone in Bone for axis in "kji"),
    *(f"tibia from femur along {axis}" for axis in "kji"),
    *(f"log distance of the {bone.value}'s subregions from the usual, mm" for bone in Bone),
)
NAMES: tuple[str, ...] = (
    *(f"{what} of {name}, {bone.value}" for bone in Bone for what in ("mean", "log sd") for name in COLUMNS),
    *CONTEXT,
    *_SHAPES,
)
"""The columns of `describe`."""
GROUP_OF: npt.NDArray[np.str_] = np.array(
    [*(trait for _ in Bone for _ in range(2) for _, trait in _columns())]
    + [Trait.NOISE] * len(CONTEXT)
    + [Trait.SHAPE] * len(_SHAPES)
)


def look(
    hu: npt.ArrayLike,
    mask: npt.ArrayLike,
    positions: Array,
    context: npt.ArrayLike,
    rows: npt.NDArray[np.intp],
) -> Look:
    """From patches (n, 12, 12, 12), HU and mask, at positions (n, 3) mm; `rows` (n,) of the 200."""
    cubes = [torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32)) for a in (hu, mask)]
    raw = patch_features(*cubes).numpy().astype(np.float64)
    raw[raw[:, FEATURES.index("mask fraction")] < LEAST_BONE] = np.nan
    features = np.full((2 * SUBREGIONS_PER_BONE, len(COLUMNS)), np.nan)
    features[rows] = _rearranged(raw)
    places = np.full((2 * SUBREGIONS_PER_BONE, 3), np.nan)
    places[rows] = positions
    return Look(features, places, np.asarray(context, dtype=np.float64))


def _rearranged(raw: Array) -> Array:
    """(n, len(FEATURES)) -> (n, len(COLUMNS))."""
    table = {name: raw[:, n] for n, name in enumerate(FEATURES)}
    for axis in "kji":
        for a, b in pairwise(LAGS):
            table[f"log structure {axis}{a} less {axis}{b}"] = (
                table[f"log structure {axis}{a}"] - table[f"log structure {axis}{b}"]
            )
    table["sd less log sd of means over 2"] = table["sd"] - table["log sd of means over 2"]
    return np.stack([table[name] for name in COLUMNS], axis=1)


def describe(seen: Look, template: Array) -> Array:
    """The description of a knee, (D,), in the order of NAMES.

    Raises Refused `bones_not_credible` where a bone has too few subregions with bone in them.
    """
    texture = []
    for bone, rows in _ROWS.items():
        f = seen.features[rows]
        if np.isfinite(f[:, 0]).sum() < _FEWEST:
            raise Refused("bones_not_credible", f"The {bone.value} has hardly any trabecular bone.")
        texture += [np.nanmean(f, axis=0), np.log(np.nanstd(f, axis=0) + 1e-3)]
    return np.concatenate([*texture, seen.context, _shape(seen.positions, template)])


def _shape(positions: Array, template: Array) -> Array:
    """Size of each bone beside the template's, tibia from femur (mm), and what the fit leaves over."""
    sizes, middles, rest = [], [], []
    for rows in _ROWS.values():
        there = np.isfinite(positions[rows, 0])
        p, t = positions[rows][there], template[rows][there]
        size = ((p - p.mean(axis=0)) * (t - t.mean(axis=0))).sum(axis=0) / (t.var(axis=0) * len(t))
        middle = p.mean(axis=0) - size * t.mean(axis=0)
        sizes.append(size)
        middles.append(middle)
        rest.append(np.log(np.sqrt(np.mean((p - size * t - middle) ** 2)) + 1e-3))
    return np.concatenate([*sizes, middles[1] - middles[0], rest])


def local(seen: Look) -> Array:
    """Features of each subregion less the mean of its bone: (200, F)."""
    return np.concatenate([f - np.nanmean(f, axis=0) for f in (seen.features[r] for r in _ROWS.values())])


def local_distances(seen: Look, reference: Reference) -> Array:
    """Distance of each subregion from what is usual there, (200,); NaN where too little bone is."""
    z = (local(seen) - reference.local_mean) / reference.local_scale
    return _distance(z, reference.local_inverse)


def distances(seen: Look, reference: Reference) -> dict[str, float]:
    """How far a knee is off by each of MEASURES."""
    z = (describe(seen, reference.template) - reference.mean) / reference.scale
    alone = np.abs(z) / reference.reach_alone
    together = np.abs(z @ reference.basis) / reference.reach_together
    far = {}
    for trait in GROUPS:
        far[f"{trait} alone"] = float(alone[trait == GROUP_OF].max())
        far[f"{trait} together"] = float(together[trait == GROUP_OF].max())
    each = local_distances(seen, reference)
    worst = [np.sort(d[np.isfinite(d)])[-WORST:].mean() for d in (each[r] for r in _ROWS.values())]
    return far | {"whole": float(_distance(z, reference.inverse)), "local": float(max(worst))}


def _distance(z: Array, inverse: Array) -> Array:
    """Root of the squared Mahalanobis distance per dimension, of (..., D)."""
    return np.asarray(np.sqrt(np.einsum("...a,ab,...b", z, inverse, z) / z.shape[-1]))


def _inverse(covariance: Array) -> Array:
    return np.asarray(np.linalg.inv(covariance), dtype=np.float64)


def judge(far: dict[str, float], limits: dict[str, float]) -> Familiarity:
    """The largest distance beside its limit, and the trait that it was found in."""
    beside = {measure: far[measure] / limits[measure] for measure in MEASURES}
    worst = max(beside, key=lambda measure: beside[measure])
    return Familiarity(beside[worst], MEASURES[worst])


def marks(found: Familiarity, plan: FamiliarityPlan, refuse: bool) -> tuple[Mark, ...]:
    """The mark of an unfamiliar knee; with `refuse`, Refused `out_of_distribution` of one too far off."""
    words = WORDS[found.trait]
    if refuse and found.score >= plan.refuse_at:
        raise Refused(
            "out_of_distribution",
            f"The CT is unlike those that the model was trained on, most of all in {words} "
            f"(score {found.score:.1f}, refused from {plan.refuse_at:.1f}).",
        )
    if found.score < plan.mark_at:
        return ()
    text = (
        f"the CT is unlike those that the model was trained on, most of all in {words} "
        f"(score {found.score:.1f}, marked from {plan.mark_at:.1f}): values may be wrong by more than stated"
    )
    return (Mark("unfamiliar", text),)
