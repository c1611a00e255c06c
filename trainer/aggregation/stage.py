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
from trainer.aggregation.cohort import KneeParameters, knee_labels
from trainer.aggregation.errors import ErrorLaw, fit_errors
from trainer.aggregation.knees import Knees, drawn_knees, measured_knees, together
from trainer.aggregation.template import make_template
from trainer.aggregation.training import Trained, Training, predict, train
from trainer.evaluation.patients.figures import figures_of
from trainer.evaluation.regression import predictions
from trainer.phantom.subregions import Template
from trainer.stage import make_items, progress, write_manifest

AGGREGATOR, PLAN, TEMPLATES, COHORT = "aggregator.safetensors", "aggregator.json", "templates.json", "cohort"


@dataclass(frozen=True)
class AggregatorSettings:
    """How many knees are drawn, from which seed on, and how the network is trained."""

    knees: int = 400
    template_knees: int = 24
    training: Training = field(default_factory=Training)
    first_seed: int = 300_000
    seed: int = 3
    jobs: int = 2


def run(folder: Path, student: Path, patches: Path, settings: AggregatorSettings) -> dict[str, float]:
    """Train the aggregator into `folder` on drawn knees with the errors of `student`, and on its own answers.

    `student` holds the answers of a cross-validation on `patches`; no answer is of a student that saw the
    patient.
    """
    drawn = draw_knees(folder, settings)
    measured, law = seen_by(student, patches)
    torch.set_num_threads(settings.jobs)
    trained = _trained(together([drawn, measured]), law, settings.training, folder / "log")
    save_file(trained.network.state_dict(), folder / AGGREGATOR)
    (folder / PLAN).write_text(trained.plan.model_dump_json(indent=1))
    p, scores = predict(trained.network, trained.plan, trained.held)
    figures = figures_of(p, scores, trained.held)
    write_manifest(folder, asdict(settings) | {"figures": figures}, [student / predictions.FILE])
    return figures


def draw_knees(folder: Path, settings: AggregatorSettings) -> Knees:
    """Knees without images, kept in `folder`/cohort."""
    templates = _templates(folder, settings)
    seeds = range(settings.first_seed, settings.first_seed + settings.knees)
    return drawn_knees(make_items(COHORT, KneeParameters(templates), seeds, folder / COHORT, settings.jobs))


def seen_by(method: Path, patches: Path) -> tuple[Knees, ErrorLaw]:
    """The measured knees as a method answered, and the law of its errors."""
    found = predictions.read(method)
    law = fit_errors(found.estimate.astype(float), found.label.astype(float), found.pair)
    return measured_knees(patches, found), law


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
    templates: dict[Bone, Any] = {bone: make_template(labels, bone, settings.seed) for bone in Bone}
    (folder / TEMPLATES).write_text(json.dumps({b.value: t for b, t in templates.items()}, indent=1))
    return templates
