"""The kernel ridge of the joined student: what it learns, from whom, and the same again."""

from __future__ import annotations

import pytest
import torch

from ctsma_node.analysis.networks import KernelRidge
from tests.unit.trainer.distillation.cohorts import write_cohort
from trainer.distillation.cohort_patches import CohortPatches, batch_of, read_cohort_patches
from trainer.distillation.fit import Task, prepare
from trainer.distillation.kernel import solve
from trainer.distillation.networks import Answer, JoinedStudent
from trainer.distillation.scale import Scale
from trainer.distillation.settings import NO_TEACHER, Form, LossWeights, RegressionSettings
from trainer.distillation.taught import Taught

SETTINGS = RegressionSettings(form=Form.JOINED, weights=NO_TEACHER)


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> CohortPatches:
    return read_cohort_patches(write_cohort(tmp_path_factory.mktemp("patches")), with_mr=False)


def drawn(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))


def wished(f: torch.Tensor) -> torch.Tensor:
    return torch.stack([f[:, 0].sin(), f[:, 1] * f[:, 2] / 2, f.sum(dim=1) / 3, 2.0 + 0 * f[:, 0]], dim=1)


def test_it_follows_curves_that_it_has_not_seen() -> None:
    kernel = KernelRidge(3, 200)
    solve(kernel, drawn(2000), wished(drawn(2000)), seed=0)
    asked = drawn(300, seed=1).clamp(-2, 2)
    assert float((kernel(asked) - wished(asked)).abs().mean()) < 0.05


def test_what_nobody_knows_is_left_out() -> None:
    f, target = drawn(500), wished(drawn(500))
    whole, gaps = KernelRidge(3, 100), KernelRidge(3, 100)
    solve(whole, f[100:], target[100:], seed=0)
    target[:100] = torch.nan
    solve(gaps, f, target, seed=0)
    assert torch.equal(whole.weights, gaps.weights)


def test_fewer_patches_than_landmarks_are_enough() -> None:
    kernel = KernelRidge(3, 100)
    solve(kernel, drawn(30), wished(drawn(30)), seed=0)
    assert torch.isfinite(kernel(drawn(10, seed=2))).all()


def test_mixed_precision_leaves_it_single() -> None:
    kernel = KernelRidge(3, 100)
    solve(kernel, drawn(500), wished(drawn(500)), seed=0)
    single = kernel(drawn(10))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = kernel(drawn(10))
    assert torch.equal(mixed, single)


def prepared(task: Task) -> torch.Tensor:
    prepare(task.network, task)  # type: ignore[arg-type]
    network = task.network.eval()
    with torch.inference_mode():
        answer: Answer = network(batch_of(task.patches, task.rows))
    return answer.mean


def task_of(patches: CohortPatches, settings: RegressionSettings, taught: Taught | None = None) -> Task:
    torch.manual_seed(0)
    rows, scale = torch.arange(len(patches)), Scale.of(patches.label)
    target = scale.standardised(patches.label)
    return Task(JoinedStudent(4, 0.0), patches, rows, target, settings, taught)


def test_a_joined_student_begins_where_the_ridge_is(patches: CohortPatches) -> None:
    task = task_of(patches, SETTINGS)
    assert float((prepared(task) - task.target).abs().mean()) < 0.4
    assert torch.equal(prepared(task_of(patches, SETTINGS)), prepared(task))


def test_the_ridge_is_taught_too(patches: CohortPatches) -> None:
    task = task_of(patches, SETTINGS)
    contrary = Taught(-task.target, [])
    weights = LossWeights(supervised=1.0, prediction=1.0)
    taught = task_of(patches, SETTINGS.model_copy(update={"weights": weights}), contrary)
    assert float(prepared(taught).abs().max()) < 1e-3, "label and teacher cancel each other"


def test_augmentation_shows_it_other_protocols(patches: CohortPatches) -> None:
    plain = prepared(task_of(patches, SETTINGS))
    shown = prepared(task_of(patches, SETTINGS.model_copy(update={"augment": 0.5})))
    assert not torch.allclose(plain, shown)
