"""The plan: everything that inference must know about training, beside the weights."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ctsma_node.analysis.result import SUBREGIONS_PER_BONE, CartilageRegion, OAClass, Parameter

PLAN = "plan.json"
DEFAULT = Path(__file__).parent / "default_bundle"
"""The bundle that ships."""
PLAN_VERSION = 2


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
