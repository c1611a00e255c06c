"""The stage `aggregator`: templates, a cohort, then the aggregator trained on it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from ctsma_node.analysis.result import Bone
from trainer.aggregation.cohort import KneeParameters, knee_labels, read_cohort
from trainer.aggregation.errors import fit_errors
from trainer.aggregation.template import make_template
from trainer.aggregation.training import train_aggregator
from trainer.evaluation.regression import predictions
from trainer.phantom.subregions import Template
from trainer.stage import make_items, write_manifest

AGGREGATOR, PLAN, TEMPLATES = "aggregator.safetensors", "aggregator.json", "templates.json"


@dataclass(frozen=True)
class AggregatorSettings:
    """Sizes, lengths and seeds; phantom seeds of training start at `first_seed`."""

    knees: int = 400
    template_knees: int = 24
    width: int = 48
    steps: int = 2500
    first_seed: int = 300_000
    seed: int = 3
    jobs: int = 2


def run(folder: Path, student: Path, settings: AggregatorSettings) -> dict[str, float]:
    """Train the aggregator into `folder` with the errors of the cross-validated student in `student`."""
    templates = _templates(folder, settings)
    seeds = range(settings.first_seed, settings.first_seed + settings.knees)
    paths = make_items("cohort", KneeParameters(templates), seeds, folder / "cohort", settings.jobs)
    unseen = predictions.read(student)
    law = fit_errors(unseen.estimate.astype(float), unseen.label.astype(float), unseen.pair)
    torch.set_num_threads(settings.jobs)
    network, plan, figures = train_aggregator(
        read_cohort(paths),
        law,
        width=settings.width,
        steps=settings.steps,
        seed=settings.seed,
        log=folder / "log",
    )
    save_file(network.state_dict(), folder / AGGREGATOR)
    (folder / PLAN).write_text(plan.model_dump_json(indent=1))
    write_manifest(folder, asdict(settings) | {"figures": figures}, [student / predictions.FILE])
    return figures


def _templates(folder: Path, settings: AggregatorSettings) -> dict[Bone, Template]:
    seeds = range(settings.first_seed, settings.first_seed + settings.template_knees)
    labels = make_items("template knees", knee_labels, seeds, folder / "labels", settings.jobs)
    templates = {bone: make_template(labels, bone, settings.seed) for bone in Bone}
    (folder / TEMPLATES).write_text(json.dumps({b.value: t for b, t in templates.items()}, indent=1))
    return templates
