"""The stage `aggregator`: templates, drawn knees, then the aggregator trained on these and measured ones."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch.utils.tensorboard import SummaryWriter

from ctsma_node.analysis.result import Bone
from ctsma_node.errors import SettingsError
from trainer.aggregation.answers import ScanAnswers, answered_knees, claim_answers, student_of
from trainer.aggregation.cohort import KneeParameters, knee_labels
from trainer.aggregation.errors import ErrorLaw, fit_errors
from trainer.aggregation.knees import Knees, drawn_knees, measured_knees, together
from trainer.aggregation.template import make_template
from trainer.aggregation.training import Trained, Training, predict, train
from trainer.distillation.regression_stage import SCANS
from trainer.drawn import ALL_DRAWN, all_drawn_below
from trainer.evaluation.patients.figures import (
    NORMAL,
    calibration_error,
    chance_calibration_error,
    figures_of,
    oa_probability,
)
from trainer.evaluation.regression import predictions
from trainer.phantom.subregions import Template, templates_of
from trainer.stage import MANIFEST, item_path, kept_items, make_items, progress, write_manifest

AGGREGATOR, PLAN, TEMPLATES, COHORT = "aggregator.safetensors", "aggregator.json", "templates.json", "cohort"
ANSWERS = "answers"
CROSS_FITTED = "ece_cross_fitted"
"""The figure: calibration error of each half of the people by the temperature of the other half."""


@dataclass(frozen=True)
class AggregatorSettings:
    """How many knees are drawn, from which seed on, and how the network is trained."""

    knees: int = 1000
    template_knees: int = 0
    """Knees that new templates are made of; without, those of the bundle that divided the patches' knees."""
    training: Training = field(default_factory=Training)
    first_seed: int = 300_000
    seed: int = 3
    jobs: int = 2


@dataclass(frozen=True)
class Answered:
    """Knees as a student measured them, the law of its errors, and the files that say so."""

    knees: Knees
    law: ErrorLaw
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Sources:
    """Folders: what `student` answered to `patches` and, below itself, to `scans`; the bundle of both."""

    student: Path
    patches: Path
    scans: Path | None = None
    bundle: Path | None = None

    @property
    def drawn(self) -> bool:
        """Whether the knees are proven to be drawn, and those that the student learned from."""
        return all_drawn_below(self.student, self.patches, *([self.scans] if self.scans else []))

    def answered(self, folder: Path, jobs: int) -> Answered:
        """What the student answered; its errors are those on scans where there are any."""
        knees, law = seen_by(self.student, self.patches)
        files = [self.student / predictions.FILE]
        if self.scans is not None:
            others, law = seen_by(self.student / SCANS, self.scans)
            knees = together([knees, others])
            files.append(self.student / SCANS / predictions.FILE)
        return Answered(knees, law, tuple(files))


@dataclass(frozen=True)
class Asked:
    """The student of a bundle, asked about scans of people that it has not seen."""

    scans: int
    bundle: Path | None = None
    first_seed: int = 400_000
    drawn = True

    @property
    def student(self) -> str:
        """Who is asked: the sha256 of its weights."""
        return student_of(self.bundle)

    def answered(self, folder: Path, jobs: int) -> Answered:
        """What it answers; kept in `folder`/answers.

        Raises SettingsError where another student's answers are there.
        """
        claim_answers(folder / ANSWERS, self.bundle)
        seeds = range(self.first_seed, self.first_seed + self.scans)
        paths = make_items(ANSWERS, ScanAnswers(self.bundle), seeds, folder / ANSWERS, jobs)
        return Answered(*answered_knees(paths), ())


def run(folder: Path, sources: Sources | Asked, settings: AggregatorSettings) -> dict[str, float]:
    """Train the aggregator into `folder` on drawn knees with the student's errors, and on its own answers.

    No answer is of a student that saw the patient. The errors are those on scans where there are any: a node
    meets many scanners.
    """
    answered = sources.answered(folder, settings.jobs)  # what is wrong with it is told before the drawing
    drawn = draw_knees(folder, sources.bundle, settings)
    torch.set_num_threads(settings.jobs)
    knees = together([drawn, answered.knees])
    trained = _trained(knees, answered.law, settings.training, folder / "log")
    save_file(trained.network.state_dict(), folder / AGGREGATOR)
    (folder / PLAN).write_text(trained.plan.model_dump_json(indent=1))
    figures = _figures(trained)
    asked = {"asked": sources.scans, "asked_student": sources.student} if isinstance(sources, Asked) else {}
    told = asdict(settings) | asked | {ALL_DRAWN: sources.drawn, "figures": figures}
    write_manifest(folder, told, answered.files)
    return figures


def _figures(trained: Trained) -> dict[str, float]:
    """On the knees that were not trained on.

    The temperature was fitted to these: the calibration error is of the cross-fitted probabilities.
    """
    p, scores = predict(trained.network, trained.plan, trained.held)
    figures = figures_of(p, scores, trained.held)
    del figures["ece"]
    oa = oa_probability(trained.cross_fitted)
    return figures | {
        CROSS_FITTED: calibration_error(oa, trained.held.oa_class > NORMAL),
        "ece_by_chance": chance_calibration_error(oa),
    }


def draw_knees(folder: Path, bundle: Path | None, settings: AggregatorSettings) -> Knees:
    """Knees without images, kept in `folder`/cohort, divided by the templates that go into the new bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    templates = _templates(folder, settings) if settings.template_knees else templates_of(bundle)
    _keep(templates, folder)
    seeds = range(settings.first_seed, settings.first_seed + settings.knees)
    return drawn_knees(make_items(COHORT, KneeParameters(templates), seeds, folder / COHORT, settings.jobs))


def knees_of(folder: Path) -> Knees:
    """The drawn knees that the aggregator of a folder was trained on; others may be there from other runs.

    Raises SettingsError where there is none, or a knee of it is missing.
    """
    try:
        settings = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["settings"]
        seeds = range(settings["first_seed"], settings["first_seed"] + settings["knees"])
        return drawn_knees([item_path(folder / COHORT, seed) for seed in seeds])
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(
            f"{folder}: no drawn knees of an aggregator ({error}); make them with: ctsma-train aggregator"
        ) from error


def _keep(templates: dict[Bone, Template], folder: Path) -> None:
    """Raises SettingsError where the folder's knees were divided by others: not the same places."""
    path = folder / TEMPLATES
    text = json.dumps({bone.value: template for bone, template in templates.items()}, indent=1)
    if path.is_file() and path.read_text(encoding="utf-8") != text and kept_items(folder / COHORT):
        raise SettingsError(f"{folder / COHORT} holds knees of other subregions than the bundle's: delete it")
    path.write_text(text, encoding="utf-8")


def seen_by(method: Path, patches: Path) -> tuple[Knees, ErrorLaw]:
    """The measured knees as a method answered, and the law of its errors."""
    found = predictions.read(method)
    return measured_knees(patches, found), errors_of(found)


def errors_of(found: predictions.Predictions, rows: Any = slice(None)) -> ErrorLaw:
    """The law of a method's errors, fitted to some `rows` of what it answered, or to all."""
    return fit_errors(found.estimate[rows].astype(float), found.label[rows].astype(float), found.pair[rows])


def _trained(knees: Knees, law: ErrorLaw, training: Training, log: Path) -> Trained:
    with progress() as bar, SummaryWriter(str(log)) as writer:
        task = bar.add_task("aggregator", total=training.steps, note="")

        def say(step: int, loss: float) -> None:
            writer.add_scalar("loss", loss, step)
            bar.update(task, completed=step, note=f"loss {loss:.3f}")

        return train(knees, law, training, say)


def _templates(folder: Path, settings: AggregatorSettings) -> dict[Bone, Template]:
    seeds = range(settings.first_seed, settings.first_seed + settings.template_knees)
    labels = make_items("template knees", knee_labels, seeds, folder / "labels", settings.jobs)
    return {bone: make_template(labels, bone, settings.seed) for bone in Bone}
