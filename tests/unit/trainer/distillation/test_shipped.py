"""The student that ships is the one that was trained on all folds, and a bundle can take it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ctsma_node.analysis.networks import Student
from ctsma_node.analysis.plan import StudentPlan
from tests.unit.trainer.distillation.cohorts import write_cohort
from trainer.distillation.cohort_patches import CohortPatches, batch_of, read_cohort_patches
from trainer.distillation.crossval import Role
from trainer.distillation.regression_stage import RegressionRequest, run
from trainer.distillation.settings import Form, RegressionSettings
from trainer.distillation.shipped import PLAN, STUDENT

TINY = RegressionSettings(form=Form.KNEE, width=4, batch=16, steps=60, rate=1e-2, precision="single")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CohortPatches]:
    cohort = write_cohort(tmp_path_factory.mktemp("patches"))
    out = tmp_path_factory.mktemp("student")
    run(RegressionRequest(cohort, out, Role(is_teacher=False), TINY))
    return out, read_cohort_patches(cohort, with_mr=False, knee_context=True)


def answers(folder: Path, patches: CohortPatches) -> tuple[np.ndarray, np.ndarray]:
    """Logs of the values, and their standard uncertainty, as the node computes them."""
    plan = StudentPlan.model_validate_json((folder / PLAN).read_text())
    student = Student(len(plan.context), plan.width, plan.landmarks).eval()
    student.load_state_dict(load_file(folder / STUDENT))
    batch = batch_of(patches, torch.arange(len(patches)))
    with torch.inference_mode():
        mean, log_variance = student(batch.ct, batch.ct_mask, batch.context)
    log_sd = np.array(plan.log_sd)
    spread = np.exp(0.5 * log_variance.numpy()) * log_sd * np.array(plan.sd_factor)
    return mean.numpy() * log_sd + np.array(plan.log_mean), spread


def test_it_knows_the_parameters(shipped: tuple[Path, CohortPatches]) -> None:
    logs, _ = answers(*shipped)
    label = shipped[1].label.numpy()
    assert np.corrcoef(np.exp(logs[:, 0]), label[:, 0])[0, 1] > 0.8
    assert abs(float((logs[:, 0] - np.log(label[:, 0])).mean())) < 0.2


def test_its_uncertainties_hold_unseen_patients(shipped: tuple[Path, CohortPatches]) -> None:
    """It has seen these patients itself: nine of ten and more."""
    logs, spread = answers(*shipped)
    inside = np.abs(np.log(shipped[1].label.numpy()) - logs) <= 1.645 * spread
    assert inside.mean() >= 0.85


def test_the_least_and_largest_values_lie_around_the_labels(shipped: tuple[Path, CohortPatches]) -> None:
    plan = StudentPlan.model_validate_json((shipped[0] / PLAN).read_text())
    label = shipped[1].label.numpy()
    assert (np.array(plan.low) < label.min(axis=0) * 1.05).all()
    assert (np.array(plan.high) > label.max(axis=0) * 0.95).all()
