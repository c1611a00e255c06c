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
from trainer.belonging import check_belongs
from trainer.distillation import shipped
from trainer.drawn import all_drawn_below
from trainer.familiarity.stage import read_familiarity
from trainer.model_card import card, with_aggregator
from trainer.segmentation import stage as segmentation
from trainer.segmentation.volumes import FINDER_STEP
from trainer.stage import MANIFEST

STUDENTS = (Path("regression") / "shipped", Path("regression") / "student")
"""Below the folder of the stages: the student that learned from scans without MR too, or from pairs alone."""
SYNTHETIC, OWN = "synthetic", "own"
"""Names of a bundle that is not given another."""
TRAINING = "synthetic knees only (computer-generated phantoms, no patient data)"
OWN_COHORT = "a site's own cohort, with synthetic knees (computer-generated phantoms) beside it"
"""What a bundle says that is not proven to be of drawn knees alone; reports have both in their languages."""


def run(build: Path, out: Path, *, name: str | None, version: str, training: str | None = None) -> str:
    """Write the bundle of the stages under `build` to `out`; returns its digest.

    `training` says what it was trained on, in the place of what the stages' records prove; `name` is by
    these, too, where it is None. Raises FileNotFoundError naming the stage that has not been run, and
    SettingsError where the aggregator is another student's.
    """
    segmenter, student, aggregator = build / "segmenter", student_below(build), build / "aggregator"
    folders = {"segmenter": segmenter, "student": student, "aggregator": aggregator}
    records = {name: _record(folder) for name, folder in folders.items()}
    _check_final(student)
    check_belongs(records["aggregator"], student)
    familiar = read_familiarity(build / "familiarity")
    drawn = all_drawn_below(student, aggregator, *([build / "familiarity"] if familiar else []))
    templates = json.loads((aggregator / aggregation.TEMPLATES).read_text())
    plan = Plan(
        name=name or (SYNTHETIC if drawn else OWN),
        version=version,
        training=training or (TRAINING if drawn else OWN_COHORT),
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
    digest = write_bundle(out, plan, states, card(plan, records, drawn), familiar[1] if familiar else None)
    read_bundle(out)
    return digest


def _check_final(student: Path) -> None:
    if not (student / shipped.PLAN).is_file():
        raise FileNotFoundError(
            f"{student / shipped.PLAN} is missing: run `ctsma-train teacher --final` and "
            "`ctsma-train student --final --form joined` (or knee) first (README, Train)."
        )


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
    about = with_aggregator((DEFAULT / CARD).read_text(encoding="utf-8"), plan, record)
    digest = write_bundle(out, plan, states, about, default.reference)
    read_bundle(out)
    return digest


def _record(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run `ctsma-train {folder.name}` first (README, Train).")
    return dict(json.loads(path.read_text()))
