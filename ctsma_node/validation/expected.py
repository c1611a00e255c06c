"""What the measurement groups of a report have to say of a knee, from the typed result."""

from __future__ import annotations

from dataclasses import dataclass, field

from ctsma_node.analysis.result import UNITS, KneeResult, OAClass, Parameter, Subregion
from ctsma_node.validation.codes import Codes, codes

Name = tuple[str, str]
"""Code value of a number's concept and of its derivation ("" for none)."""


@dataclass(frozen=True)
class Expected:
    """A number with its UCUM unit, and its standard uncertainty where it has one."""

    value: float
    unit: str
    uncertainty: float | None = None


@dataclass(frozen=True)
class ExpectedGroup:
    """What one group says: numbers, codes of evaluations, marks; `short` is what the shortest report says."""

    numbers: dict[Name, Expected]
    short: frozenset[Name]
    evaluations: dict[str, str] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    site: str = ""  # code value of the finding site
    segment: int | None = None


def expected_groups(knee: KneeResult) -> dict[str, ExpectedGroup]:
    """The groups of knee, bones and subregions by Tracking Identifier, such as "L F001"."""
    known, side = codes(), knee.side.value
    groups = {f"{side} knee": _knee(knee, known)}
    for summary in knee.bones:
        numbers: dict[Name, Expected] = {}
        mean, sd = known.concepts["mean"], known.concepts["standard_deviation"]
        for p in Parameter:
            unit = known.units[UNITS[p]]
            numbers[known.parameters[p], mean] = Expected(summary.mean[p], unit)
            numbers[known.parameters[p], sd] = Expected(summary.sd[p], unit)
        numbers[known.concepts["measured_volume"], ""] = Expected(summary.volume, known.units["mm3"])
        short = frozenset((known.parameters[p], mean) for p in Parameter)
        groups[f"{side} {summary.bone.value}"] = ExpectedGroup(numbers, short, site=known.bones[summary.bone])
    for segment, subregion in enumerate(knee.subregions, start=1):
        groups[f"{side} {subregion.name}"] = _subregion(subregion, segment, known)
    return groups


def _knee(knee: KneeResult, known: Codes) -> ExpectedGroup:
    ratio, score, log_odds = (known.units[unit] for unit in ("1", "score", "log_odds"))
    numbers = {(known.concepts["oa_probability"], ""): Expected(knee.oa_probability, ratio)}
    for oa_class in OAClass:
        probability = knee.class_probabilities[oa_class]
        numbers[known.class_probabilities[oa_class], ""] = Expected(probability, ratio)
    short = frozenset(numbers)
    for region, estimate in knee.cartilage.items():
        numbers[known.cartilage[region], ""] = Expected(estimate.value, score, estimate.sd)
    reference = knee.explanation.reference_probability
    numbers[known.concepts["reference_probability"], ""] = Expected(reference, ratio)
    for compartment, code in known.contributions.items():
        numbers[code, ""] = Expected(knee.explanation.of(compartment), log_odds)
    return ExpectedGroup(
        numbers,
        short,
        {known.concepts["kl_class"]: known.classes[knee.oa_class]},
        frozenset(mark.code for mark in knee.marks),
        known.concepts["knee"],
    )


def _subregion(subregion: Subregion, segment: int, known: Codes) -> ExpectedGroup:
    numbers = {
        (known.parameters[p], ""): Expected(
            subregion.values[p].value, known.units[UNITS[p]], subregion.values[p].sd
        )
        for p in Parameter
    }
    numbers[known.concepts["volume"], ""] = Expected(subregion.volume, known.units["mm3"])
    contribution = Expected(subregion.contribution, known.units["log_odds"])
    numbers[known.concepts["contribution"], ""] = contribution
    return ExpectedGroup(
        numbers,
        frozenset(numbers),
        marks=frozenset(mark.code for mark in subregion.marks),
        site=known.bones[subregion.bone],
        segment=segment,
    )
