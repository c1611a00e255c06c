"""The model card of a bundle: what it was trained on, what it is for, its limits, settings and scores."""

from __future__ import annotations

from typing import Any

from ctsma_node.analysis.plan import Plan
from trainer.aggregation import stage as aggregation

_CALIBRATION = {
    "ece": "of the knees that the temperature was fitted to",
    aggregation.CROSS_FITTED: "of each half of these people by the temperature of the other half",
}
"""What a calibration error of an aggregator is of; `ece` is what older ones have."""
_DRAWN = (
    "it has never seen a patient, and no figure below",
    "says how it does on one.",
)
_OF_PATIENTS = (
    "nothing proves that all of these knees were drawn,",
    "so do not pass it on as free of patient data. No figure below says how it does on other people.",
)


def card(plan: Plan, records: dict[str, dict[str, Any]], drawn: bool) -> str:
    """The model card: data, use, limits, scores and the commands that made it.

    Whether all knees of training were `drawn` is what the stages' records prove.
    """
    limit, more = _DRAWN if drawn else _OF_PATIENTS
    lines = [
        f"# {plan.name} {plan.version}",
        "",
        f"Trained on {plan.training}. Research use only: {limit}",
        more,
        "",
        "- In: a CT of one or two adult knees in Hounsfield units.",
        "- Out: bones, 100 subregions of femur and tibia each, BV/TV, Tb.Th, Tb.Sp and Tb.N of each with an",
        "  uncertainty, probabilities of normal, mild and advanced osteoarthritis, five cartilage scores.",
        "- Not for: diagnosis, children, implants, fractures, slices more than 3 mm apart.",
        "- Bone is drawn as at 120 kV: at 80 kV it is denser, and measured thicker (`other_tube_voltage`).",
        "- Parameters are those that morphometry measures on MR, calibrated to the drawn structure (direct",
        "  three-dimensional definitions, Bouxsein et al. 2010), averaged over a patch of 12 mm; where scans",
        "  without MR were learned from too, they are the drawn structure's own.",
        "",
        *_knows_what_is_usual(plan),
        "## How it was made",
        "",
        f"`ctsma-train segmenter`; {'`phantom`, ' * drawn}`cohort`, `register` and `patches`;",
        "`teacher`, `scans` and `student`; `aggregator`, `familiarity` and `bundle`, with these settings and",
        "seeds:",
        "",
    ]
    lines += [_settings_line(stage, record) for stage, record in records.items()]
    lines += ["", f"## Scores on held-out {'phantoms' if drawn else 'knees'}", ""]
    lines += [_scores_line(stage, record) for stage, record in records.items()]
    return "\n".join(lines) + "\n"


def _settings_line(stage: str, record: dict[str, Any]) -> str:
    return f"- {stage}: " + ", ".join(f"{k} {v}" for k, v in _flat(record["settings"]).items())


def _scores_line(stage: str, record: dict[str, Any]) -> str:
    figures = record["settings"].get("figures", {})
    told = [f"; {k}, the calibration error, is {what}" for k, what in _CALIBRATION.items() if k in figures]
    return f"- {stage}: " + ", ".join(f"{k} {v:.3f}" for k, v in figures.items()) + "".join(told)


def _knows_what_is_usual(plan: Plan) -> list[str]:
    """What the bundle does about a knee unlike those of training."""
    if plan.familiarity is None:
        return [
            "It does not know what is unlike the knees of training: nothing is marked or refused as such.",
            "",
        ]
    return [
        f"A knee unlike the {plan.familiarity.knees} of training is marked `unfamiliar` from a score of "
        f"{plan.familiarity.mark_at:.2f};",
        f"a node that is told to refuse such knees does so from {plan.familiarity.refuse_at:.2f} "
        "(`out_of_distribution`).",
        "",
    ]


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings in one level, without what is no setting."""
    out: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict) and key != "figures":
            out |= _flat(value)
        elif key not in ("figures", "jobs"):
            out[key] = value
    return out


def with_aggregator(text: str, plan: Plan, record: dict[str, Any]) -> str:
    """A model card whose aggregator is another one: its settings and its scores, in this order."""
    of = iter([_settings_line("aggregator", record), _scores_line("aggregator", record)])
    lines = [next(of) if line.startswith("- aggregator: ") else line for line in text.splitlines()[1:]]
    return "\n".join([f"# {plan.name} {plan.version}", *lines]) + "\n"
