"""The plan: everything that inference must know about training, beside the weights."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ctsma_node.analysis.result import SUBREGIONS_PER_BONE, CartilageRegion, OAClass, Parameter, Trait

PLAN = "plan.json"
DEFAULT = Path(__file__).parent / "default_bundle"
"""The bundle that ships."""
PLAN_VERSION = 2


GROUPS = (Trait.NOISE, Trait.SHARPNESS, Trait.DENSITY, Trait.STRUCTURE, Trait.SHAPE)
"""Groups of a knee's description."""
MEASURES: dict[str, Trait] = {
    **{f"{trait} {how}": trait for trait in GROUPS for how in ("alone", "together")},
    "whole": Trait.WHOLE,
    "local": Trait.LOCAL,
}
"""How far a knee is from those of training, as `ctsma_node.analysis.familiarity.distances` measures it."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StudentPlan(_Frozen):
    """Sizes of the student and the scale of what it predicts."""

    width: int
    landmarks: int
    context: tuple[str, ...]
    log_mean: tuple[float, float, float, float]
    """Mean of the log of each parameter over the training patches, in the order of `Parameter`."""
    log_sd: tuple[float, float, float, float]
    sd_factor: tuple[float, float, float, float]
    """The student's own standard deviation times this covers unseen knees as it should."""
    low: tuple[float, float, float, float]
    """Least value of each parameter in training; below it a measurement is marked."""
    high: tuple[float, float, float, float]


class AggregatorPlan(_Frozen):
    """Sizes of the aggregator and the scale of its inputs and outputs."""

    width: int
    heads: int
    layers: int
    log_mean: tuple[float, float, float, float]
    log_sd: tuple[float, float, float, float]
    position_scale: float
    """mm that count as one unit of position."""
    temperature: float
    """Class logits are divided by it (calibration on held-out knees)."""
    normal_mean: tuple[tuple[float, float, float, float], ...] | None = Field(
        default=None, min_length=2 * SUBREGIONS_PER_BONE, max_length=2 * SUBREGIONS_PER_BONE
    )
    """Mean of the standardised log parameters of each subregion over the normal knees of the training."""
    score_mean: tuple[float, ...] = Field(min_length=len(CartilageRegion), max_length=len(CartilageRegion))
    score_sd: tuple[float, ...] = Field(min_length=len(CartilageRegion), max_length=len(CartilageRegion))
    score_error: tuple[float, ...] = Field(min_length=len(CartilageRegion), max_length=len(CartilageRegion))
    """Standard error of each cartilage score on held-out knees."""


class FamiliarityPlan(_Frozen):
    """When a knee is too unlike those of training; the arrays it is compared by stand beside the plan."""

    limits: dict[str, float]
    """Distance that few knees of training exceed, of each of MEASURES."""
    mark_at: float
    """Score (largest distance beside its limit) from which a knee is marked `unfamiliar`."""
    refuse_at: float
    """Score from which it is refused as `out_of_distribution`."""
    knees: int
    """Knees that the limits come from, none of them in the fit that judged it."""

    @field_validator("limits")
    @classmethod
    def _of_every_measure(cls, limits: dict[str, float]) -> dict[str, float]:
        if set(limits) != set(MEASURES) or min(limits.values()) <= 0.0:
            raise ValueError("a limit above 0 is needed for every measure")
        return limits


class Plan(_Frozen):
    """A bundle's plan file."""

    plan_version: int = PLAN_VERSION
    name: str
    version: str
    training: str
    """One sentence on what the weights were trained on; every object repeats it."""
    research_only: bool
    parameters: tuple[Parameter, ...] = tuple(Parameter)
    classes: tuple[OAClass, ...] = tuple(OAClass)
    cartilage: tuple[CartilageRegion, ...] = tuple(CartilageRegion)
    finder_width: int
    finder_step: float
    """mm of the finder's grid."""
    segmenter_width: int
    student: StudentPlan
    aggregator: AggregatorPlan
    femur_template: tuple[tuple[float, float, float], ...] = Field(
        min_length=SUBREGIONS_PER_BONE, max_length=SUBREGIONS_PER_BONE
    )
    """Seeds of the femur's subregions in (k, j, i) fractions of its half-extent."""
    tibia_template: tuple[tuple[float, float, float], ...] = Field(
        min_length=SUBREGIONS_PER_BONE, max_length=SUBREGIONS_PER_BONE
    )
    familiarity: FamiliarityPlan | None = None
    """None in bundles that do not know what is usual: nothing is marked or refused then."""
