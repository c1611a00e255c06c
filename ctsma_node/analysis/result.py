"""The typed, frozen outcome of an analysis, with units.

Arrays are on the analysis grid in patient space, never mirrored: `[k, j, i]` with `affine` mapping
(i, j, k) to LPS mm. The grid is sagittal: i runs to posterior, j to inferior, k to the patient's right.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ctsma_node.volume import CTVolume


class Side(StrEnum):
    """Side of the body."""

    LEFT = "L"
    RIGHT = "R"


class Bone(StrEnum):
    """The two bones that are measured."""

    FEMUR = "femur"
    TIBIA = "tibia"


class Parameter(StrEnum):
    """Trabecular parameters, by the names of Bouxsein et al. 2010 (ASBMR), direct 3D definitions."""

    BVTV = "BV/TV"
    TBTH = "Tb.Th"
    TBSP = "Tb.Sp"
    TBN = "Tb.N"


UNITS: dict[Parameter, str] = {
    Parameter.BVTV: "1",
    Parameter.TBTH: "mm",
    Parameter.TBSP: "mm",
    Parameter.TBN: "/mm",
}
"""UCUM unit of each parameter (BV/TV is a ratio)."""

SUBREGIONS_PER_BONE = 100
"""K of the paper, section 4.5."""


class OAClass(StrEnum):
    """The paper's three groups by Kellgren-Lawrence grade (section 4.1)."""

    NORMAL = "normal"  # KL 0
    MILD = "mild"  # KL 1-2
    ADVANCED = "advanced"  # KL 3-4


class CartilageRegion(StrEnum):
    """The five anatomical subregions whose cartilage is scored (paper, section 4.1)."""

    MEDIAL_FEMUR = "medial femur"
    LATERAL_FEMUR = "lateral femur"
    MEDIAL_TIBIA = "medial tibia"
    LATERAL_TIBIA = "lateral tibia"
    TROCHLEA = "trochlea"


class Compartment(StrEnum):
    """The halves of the two bones, parted at the mean of a bone's subregions across."""

    MEDIAL_FEMUR = "medial femur"
    LATERAL_FEMUR = "lateral femur"
    MEDIAL_TIBIA = "medial tibia"
    LATERAL_TIBIA = "lateral tibia"


@dataclass(frozen=True)
class Estimate:
    """A value and its standard uncertainty (one standard deviation), in the same unit."""

    value: float
    sd: float


@dataclass(frozen=True)
class Mark:
    """Something a reader must know about a result; `code` is stable, `text` a sentence."""

    code: str
    text: str


@dataclass(frozen=True)
class Subregion:
    """One of the subregions of a bone and what was measured in its central patch."""

    bone: Bone
    number: int  # 1..100 within the bone
    label: int  # the voxel value in KneeResult.subregion_labels
    centre: tuple[float, float, float]  # LPS mm
    volume: float  # mm3
    values: dict[Parameter, Estimate]
    contributions: dict[Parameter, float]  # log-odds of osteoarthritis; see Explanation
    marks: tuple[Mark, ...] = ()

    @property
    def contribution(self) -> float:
        """What the subregion adds to the log-odds of osteoarthritis: above zero it raises the probability."""
        return sum(self.contributions.values())

    @property
    def name(self) -> str:
        """F001 to F100 in the femur, T001 to T100 in the tibia."""
        return f"{'F' if self.bone is Bone.FEMUR else 'T'}{self.number:03d}"


@dataclass(frozen=True)
class BoneSummary:
    """Mean and standard deviation of each parameter over the subregions of a bone."""

    bone: Bone
    volume: float  # mm3 of the trabecular region
    mean: dict[Parameter, float]
    sd: dict[Parameter, float]


class Trait(StrEnum):
    """What of a knee is compared with those of training; the first five are groups of one description."""

    NOISE = "noise"
    SHARPNESS = "sharpness"
    DENSITY = "density"
    STRUCTURE = "structure"
    SHAPE = "shape"
    WHOLE = "whole"  # how the five go together
    LOCAL = "local"  # a part of a bone beside the rest of it


@dataclass(frozen=True)
class Familiarity:
    """How unlike the knees of training a knee is; `score` 1 is about the edge of what they span."""

    score: float
    trait: Trait  # the one that is furthest off


@dataclass(frozen=True)
class Reason:
    """What one parameter adds where, in a compartment, it is below (or above) the reference."""

    compartment: Compartment
    parameter: Parameter
    contribution: float  # log-odds of osteoarthritis; above zero it raises the probability
    ratio: float  # of values over the reference: geometric mean, weighted by the size of the contributions


@dataclass(frozen=True)
class Explanation:
    """Where the probability of osteoarthritis comes from: shares in its log-odds, ln(p / (1 - p)).

    The log-odds of the knee are those of a reference knee and, on top of them, the contributions of all
    subregions (Subregion.contributions), which the reasons sum up; what is missing is the error of the
    numerical integral. It is about what the network did with the measurements, not about causes of disease.
    """

    reference: str  # which knee that is, as part of a sentence
    reference_probability: float  # of osteoarthritis
    reasons: tuple[Reason, ...]  # every parameter of every compartment, below and above the reference

    @property
    def total(self) -> float:
        """Log-odds above those of the reference."""
        return sum(reason.contribution for reason in self.reasons)

    def of(self, compartment: Compartment) -> float:
        """What a compartment adds to the log-odds."""
        return sum(r.contribution for r in self.reasons if r.compartment is compartment)

    def raising(self, most: int) -> tuple[Reason, ...]:
        """The reasons that raise the probability, the strongest first, at most so many."""
        up = [reason for reason in self.reasons if reason.contribution > 0.0]
        return tuple(sorted(up, key=lambda reason: -reason.contribution)[:most])


@dataclass(frozen=True)
class KneeResult:
    """Everything measured in one knee."""

    side: Side
    hu: npt.NDArray[np.float32]  # the analysed volume, HU
    affine: npt.NDArray[np.float64]  # (i, j, k) -> LPS mm
    bone_labels: npt.NDArray[np.uint8]  # 0 none, 1 femur, 2 tibia, 3 patella, 4 fibula
    subregion_labels: npt.NDArray[np.uint8]  # 0 none, 1..100 femur, 101..200 tibia
    subregions: tuple[Subregion, ...]
    bones: tuple[BoneSummary, ...]
    class_probabilities: dict[OAClass, float]
    oa_class: OAClass
    oa_probability: float  # 1 - probability of normal
    explanation: Explanation
    cartilage: dict[CartilageRegion, Estimate]  # predicted MOAKS score
    marks: tuple[Mark, ...] = ()
    familiarity: Familiarity | None = None  # None: the bundle does not know what is usual


@dataclass(frozen=True)
class KneeNotAnalysed:
    """A knee that was seen but not measured, and why."""

    side: Side | None
    code: str
    reason: str


class Scan(NamedTuple):
    """A volume, and the side that its source states, which decides only where the image cannot."""

    volume: CTVolume
    stated_side: Side | None = None


@dataclass(frozen=True)
class AnalysisResult:
    """The knees of one series; at least one of them analysed."""

    knees: tuple[KneeResult, ...]
    not_analysed: tuple[KneeNotAnalysed, ...]
    bundle_name: str
    bundle_version: str
    bundle_digest: str  # sha256 of the bundle's manifest, hex
    training: str  # what its networks were trained on
    seconds: dict[str, float]  # wall time of each stage of the analysis
