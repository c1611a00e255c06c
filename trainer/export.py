"""The stage `bundle`: what the node needs, out of the stages' folders, with a model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from ctsma_node.analysis.bundle import CARD, read_bundle, write_bundle
from ctsma_node.analysis.plan import DEFAULT, AggregatorPlan, Plan, StudentPlan
from ctsma_node.analysis.result import Bone
from ctsma_node.errors import SettingsError
from trainer.aggregation import stage as aggregation
from trainer.aggregation.answers import student_of
from trainer.distillation import shipped
from trainer.familiarity.stage import read_familiarity
from trainer.segmentation import stage as segmentation
from trainer.segmentation.volumes import FINDER_STEP
from trainer.stage import MANIFEST

STUDENTS = (Path("regression") / "shipped", Path("regression") / "student")
"""Below the folder of the stages: the student that learned from scans without MR too, or from pairs alone."""
_CALIBRATION = {
    "ece": "of the knees that the temperature was fitted to",
    aggregation.CROSS_FITTED: "of each half of these people by the temperature of the other half",
}
"""What a calibration error of an aggregator is of; `ece` is what older ones have."""
TRAINING = "synthetic knees only (computer-generated phantoms, no patient data)"


def run(build: Path, out: Path, *, name: str, version: str) -> str:
    """Write the bundle of the stages under `build` to `out`; returns its digest.

    Raises FileNotFoundError naming the stage that has not been run.
    """
    segmenter, student, aggregator = build / "segmenter", student_below(build), build / "aggregator"
    folders = {"segmenter": segmenter, "student": student, "aggregator": aggregator}
    records = {name: _record(folder) for name, folder in folders.items()}
    familiar = read_familiarity(build / "familiarity")
    templates = json.loads((aggregator / aggregation.TEMPLATES).read_text())
    plan = Plan(
        name=name,
        version=version,
        training=TRAINING,
        research_only=True,
        finder_width=records["segmenter"]["settings"]["finder_width"],
        finder_step=FINDER_STEP,
        segmenter_width=records["segmenter"]["settings"]["segmenter_width"],
        student=StudentPlan.model_validate_json((student / shipped.PLAN).read_text()),
        aggregator=AggregatorPlan.model_validate_json((aggregator / aggregation.PLAN).read_text()),
        femur_template=templates[Bone.FEMUR.value],
        tibia_template=templates[Bone.TIBIA.value],
        familiarity=familiar[0] if familiar else None,
    )
    states = {
        "finder": load_file(segmenter / segmentation.FINDER),
        "segmenter": load_file(segmenter / segmentation.SEGMENTER),
        "student": load_file(student / shipped.STUDENT),
        "aggregator": load_file(aggregator / aggregation.AGGREGATOR),
    }
    digest = write_bundle(out, plan, states, card(plan, records), familiar[1] if familiar else None)
    read_bundle(out)
    return digest


def student_below(build: Path) -> Path:
    """The folder of the student that ships."""
    return next(
        (build / each for each in STUDENTS if (build / each / shipped.PLAN).is_file()), build / STUDENTS[1]
    )


def run_bones(build: Path, out: Path, *, name: str, version: str) -> str:
    """Write a bundle of the segmenter under `build`, the rest as it ships; returns its digest.

    For the stages before a student that need bones, and none of the student's answers. Raises
    FileNotFoundError as `run` does.
    """
    segmenter, default = build / "segmenter", read_bundle()
    settings = _record(segmenter)["settings"]
    sizes = {key: settings[key] for key in ("finder_width", "segmenter_width")}
    training = f"{TRAINING}; what measures and stages is the default bundle's"
    changes = {"name": name, "version": version, "training": training, "familiarity": None, **sizes}
    states = {
        "finder": load_file(segmenter / segmentation.FINDER),
        "segmenter": load_file(segmenter / segmentation.SEGMENTER),
        "student": default.student.state_dict(),
        "aggregator": default.aggregator.state_dict(),
    }
    about = f"# {name} {version}\n\nBones by its own segmenter, the rest of {default.digest}: to train by.\n"
    digest = write_bundle(out, default.plan.model_copy(update=changes), states, about)
    read_bundle(out)
    return digest


def run_aggregator(build: Path, out: Path, *, name: str, version: str) -> str:
    """Write the default bundle with the aggregator under `build`; returns its digest.

    Raises FileNotFoundError as `run` does, and SettingsError where it was trained for another student or for
    other subregions.
    """
    folder, default = build / "aggregator", read_bundle()
    record = _record(folder)
    places = json.loads((folder / aggregation.TEMPLATES).read_text())
    own = json.loads(default.plan.model_dump_json(include={"femur_template", "tibia_template"}))
    if [places[bone.value] for bone in Bone] != [own["femur_template"], own["tibia_template"]]:
        raise SettingsError(f"{folder} was trained for other subregions than the default bundle's")
    if record["settings"].get("asked_student") != student_of(None):
        raise SettingsError(
            f"{folder} was not trained for the default bundle's student: run `ctsma-train aggregator "
            "--asked 48` into it"
        )
    aggregator = AggregatorPlan.model_validate_json((folder / aggregation.PLAN).read_text())
    plan = default.plan.model_copy(update={"name": name, "version": version, "aggregator": aggregator})
    states = {part: getattr(default, part).state_dict() for part in ("finder", "segmenter", "student")}
    states["aggregator"] = load_file(folder / aggregation.AGGREGATOR)
    about = _with_aggregator((DEFAULT / CARD).read_text(encoding="utf-8"), plan, record)
    digest = write_bundle(out, plan, states, about, default.reference)
    read_bundle(out)
    return digest


def _with_aggregator(text: str, plan: Plan, record: dict[str, Any]) -> str:
    """A model card whose aggregator is another one: its settings and its scores, in this order."""
    of = iter([_settings_line("aggregator", record), _scores_line("aggregator", record)])
    lines = [next(of) if line.startswith("- aggregator: ") else line for line in text.splitlines()[1:]]
    return "\n".join([f"# {plan.name} {plan.version}", *lines]) + "\n"


def _record(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run `ctsma-train {folder.name}` first (README, Train).")
    return dict(json.loads(path.read_text()))


def card(plan: Plan, records: dict[str, dict[str, Any]]) -> str:
    """The model card: data, use, limits, scores and the commands that made it."""
    lines = [
        f"# {plan.name} {plan.version}",
        "",
        f"Trained on {plan.training}. Research use only: it has never seen a patient, and no figure below",
        "says how it does on one.",
        "",
        "- In: a CT of one or two adult knees in Hounsfield units.",
        "- Out: bones, 100 subregions of femur and tibia each, BV/TV, Tb.Th, Tb.Sp and Tb.N of each with an",
        "  uncertainty, probabilities of normal, mild and advanced osteoarthritis, five cartilage scores.",
        "- Not for: diagnosis, children, implants, fractures, slices thicker than 3 mm.",
        "- Parameters are those that morphometry measures on MR, calibrated to the drawn structure (direct",
        "  three-dimensional definitions, Bouxsein et al. 2010), averaged over a patch of 12 mm; where scans",
        "  without MR were learned from too, they are the drawn structure's own.",
        "",
        *_knows_what_is_usual(plan),
        "## How it was made",
        "",
        "`ctsma-train segmenter`; `phantom`, `cohort`, `register` and `patches`; `teacher`, `scans` and",
        "`student`; `aggregator`, `familiarity` and `bundle`, with these settings and seeds:",
        "",
    ]
    lines += [_settings_line(stage, record) for stage, record in records.items()]
    lines += ["", "## Scores on held-out phantoms", ""]
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
