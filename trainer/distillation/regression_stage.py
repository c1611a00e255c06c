"""The stages `teacher` and `student`: cross-validated on a cohort's patches, then trained on all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ctsma_node.analysis.result import Parameter
from ctsma_node.errors import SettingsError
from trainer.distillation.cohort_patches import CohortPatches, read_cohort_patches
from trainer.distillation.crossval import EVERY, CrossValidation, Role, folds_of
from trainer.distillation.networks import JoinedStudent
from trainer.distillation.record import check_same, check_teacher, recorded, teachers_of
from trainer.distillation.settings import Form, RegressionSettings
from trainer.distillation.shipped import write_student
from trainer.distillation.told import LOG, Told
from trainer.drawn import ALL_DRAWN, all_drawn_below
from trainer.evaluation.icc import icc21
from trainer.evaluation.regression import predictions
from trainer.evaluation.regression.conditions import FOLDER as OTHER_PROTOCOLS
from trainer.evaluation.regression.predictions import Predictions
from trainer.fabric import launched
from trainer.stage import progress, write_manifest

SCANS = "scans"
"""Below a student's folder: what it says of scans without MR."""


@dataclass(frozen=True)
class RegressionRequest:
    """The folder of the patches, what is trained on them, and where it goes."""

    patches: Path
    out: Path
    role: Role
    settings: RegressionSettings
    validate: bool = False
    """Ask each network for a fold that its test patients are not in: for choices between settings."""
    folds: int | None = None
    """The first so many folds only, two at least: a quick look; nothing is trained on all of them then."""
    final: bool = True
    """Train one network on all folds too: the one to ship."""
    jobs: int = 1
    scans: Path | None = None
    """Folder of scans without MR that a student learns from too."""


def run(request: RegressionRequest) -> Predictions:
    """Train what is missing; goes on where it was stopped. Under torchrun every process calls it.

    Writes `out`/fold_N.safetensors, all.safetensors, predictions.npz (also one for each other protocol that
    the patches were made for, and one for the scans), stage.json and, of a joined student, what a bundle
    takes of it. Raises SettingsError where the folder holds networks of other settings, patches or teachers,
    or the teacher is of other patches or folds.
    """
    if request.scans is not None and request.settings.few_labels() is not None:
        raise SettingsError("few pairs or labels are a condition of an experiment: it takes no scans")
    fabric = launched(request.settings.precision)
    request.out.mkdir(parents=True, exist_ok=True)
    native = request.settings.form is Form.NATIVE and not request.role.is_teacher
    knee = request.settings.form is Form.KNEE and not request.role.is_teacher
    patches = read_cohort_patches(request.patches, request.role.is_teacher, native, request.scans, knee)
    described = _described(request, patches)
    if request.role.teacher is not None:
        check_teacher(request.role.teacher, patches.of_pairs().content_digest, request.validate)
    before = recorded(request.out)
    if before is not None:
        check_same(request.out, before, described)
        described["teachers"] = before["teachers"] | described["teachers"]
    told = described | {
        ALL_DRAWN: all_drawn_below(request.patches, *([request.scans] if request.scans else []))
    }
    if fabric.is_global_zero:
        write_manifest(request.out, told)
    if fabric.device.type == "cpu" and fabric.world_size == 1:
        torch.set_num_threads(request.jobs)
    validation = CrossValidation(fabric, patches, request.role, request.settings, request.out)
    with progress() as bar, Told(bar, request.out / LOG, request.settings.steps) as say:
        bar.disable = say.silent = not fabric.is_global_zero
        folds = folds_of(patches, request.validate)[: request.folds]
        found, spread = validation.run(folds, say)
        final = validation.train_on_all(say(EVERY)) if _is_final(request) else None
    if fabric.is_global_zero:
        predictions.write(request.out, found)
        figures = figures_of(found)
        if request.scans is not None:
            on_scans, spread = validation.run(folds, lambda _: _silent, scans=True)
            predictions.write(request.out / SCANS, on_scans)
            figures |= {f"scans' {name}": value for name, value in figures_of(on_scans).items()}
        write_manifest(request.out, told | {"figures": figures})
        if final and isinstance(final[0], JoinedStudent):
            write_student(request.out, final[0], request.settings.width, final[1], patches, spread)
        if not (request.role.is_teacher or native or request.validate):
            for number in patches.judged_by:
                other, _ = validation.run(folds, lambda _: _silent, number)
                predictions.write(request.out / OTHER_PROTOCOLS / str(number), other)
    fabric.barrier()
    return found


def _is_final(request: RegressionRequest) -> bool:
    return request.final and not request.validate and request.folds is None


def figures_of(found: Predictions) -> dict[str, float]:
    """ICC(2,1), pooled."""
    pooled = icc21(found.estimate, found.label).tolist()
    named = {f"icc21_{p.value}": value for p, value in zip(Parameter, pooled, strict=True)}
    return named | {"icc21_mean": sum(pooled) / len(pooled)}


def _silent(done: int, losses: dict[str, float]) -> None:
    """Nothing is trained any more."""


def _described(request: RegressionRequest, patches: CohortPatches) -> dict[str, Any]:
    """What a folder's networks depend on."""
    return {
        "role": "teacher" if request.role.is_teacher else "student",
        "teacher": None if request.role.teacher is None else request.role.teacher.name,
        "teachers": teachers_of(request.role.teacher),
        "settings": request.settings.model_dump(mode="json"),
        "validate": request.validate,
        "folds": request.folds,
        "labels": patches.digest,
        "patches": patches.content_digest,
    }
