from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from tests.unit.trainer.distillation.cohorts import write_cohort
from trainer.distillation import fit as fitting
from trainer.distillation.cohort_patches import CohortPatches, chosen, read_cohort_patches
from trainer.distillation.crossval import Role
from trainer.distillation.fit import DivergedError, Task, checked, fit, rate_at, target_of
from trainer.distillation.intervals import Spread
from trainer.distillation.scale import Scale
from trainer.distillation.settings import RegressionSettings, settings_of

SETTINGS = RegressionSettings(width=4, batch=8, steps=12, precision="single")


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> CohortPatches:
    return read_cohort_patches(write_cohort(tmp_path_factory.mktemp("patches"), pairs=3), with_mr=False)


def task(patches: CohortPatches) -> Task:
    rows = chosen(patches, (0, 1))
    target = target_of(patches, rows, Scale.of(patches.label[rows]), 0.0, 1)
    return Task(Role(is_teacher=False).build(SETTINGS), patches, rows, target, SETTINGS)


def test_a_stopped_training_ends_as_one_that_was_not(
    patches: CohortPatches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fabric = Fabric(accelerator="cpu", devices=1)
    whole = fit(fabric, task(patches), tmp_path / "whole.ckpt")
    monkeypatch.setattr(fitting, "_KEPT", 5)
    monkeypatch.setattr(fitting, "_step", _stopping(fitting._step, 8))
    with pytest.raises(KeyboardInterrupt):
        fit(fabric, task(patches), tmp_path / "parts.ckpt")
    monkeypatch.undo()
    rest = fit(fabric, task(patches), tmp_path / "parts.ckpt")
    for one, other in zip(whole.parameters(), rest.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0.0, atol=0.0)
    assert list(tmp_path.iterdir()) == []


def _stopping(step, at: int):  # type: ignore[no-untyped-def]
    def stopping(fabric, model, optimiser, task, number):  # type: ignore[no-untyped-def]
        if number == at:
            raise KeyboardInterrupt
        return step(fabric, model, optimiser, task, number)

    return stopping


def test_noise_is_added_to_labels_as_asked(patches: CohortPatches) -> None:
    rows = chosen(patches, (0, 1, 2))
    scale = Scale.of(patches.label[rows])
    clean, noisy = (target_of(patches, rows, scale, noise, 3) for noise in (0.0, 2.0))
    assert float((noisy - clean).std()) == pytest.approx(2.0, rel=0.15)
    torch.testing.assert_close(noisy, target_of(patches, rows, scale, 2.0, 3))
    torch.testing.assert_close(scale.values(clean), patches.label[rows])


def test_the_rate_goes_up_and_down_once_or_stays() -> None:
    rates = [rate_at(step, SETTINGS) for step in range(SETTINGS.steps)]
    assert max(rates) <= SETTINGS.rate * 1.001
    assert rates[-1] < 0.05 * SETTINGS.rate
    assert len({rate_at(s, SETTINGS.model_copy(update={"constant_rate": True})) for s in range(9)}) == 1


def test_losses_that_are_no_numbers_stop_the_training() -> None:
    with pytest.raises(DivergedError, match="step 7"):
        checked({"supervised": torch.tensor(torch.nan)}, 7)


def test_intervals_hold_nine_tenths_of_unseen_patients() -> None:
    rng = np.random.default_rng(0)
    sd = rng.uniform(0.5, 2.0, (4000, 4))
    target = 1.7 * sd * rng.standard_normal((4000, 4))  # the networks were too sure of themselves
    fold = np.arange(4000) % 5
    low, high = Spread(np.zeros((4000, 4)), sd, target).bounds(fold)
    assert ((target > low) & (target < high)).mean() == pytest.approx(0.9, abs=0.01)


def test_intervals_of_a_fold_do_not_rest_on_its_own_answers() -> None:
    rng = np.random.default_rng(0)
    sd, target, fold = np.ones((100, 4)), rng.standard_normal((100, 4)), np.arange(100) % 5
    before = Spread(np.zeros((100, 4)), sd, target).bounds(fold)[1][fold == 0]
    target[fold == 0] *= 9.0
    np.testing.assert_array_equal(Spread(np.zeros((100, 4)), sd, target).bounds(fold)[1][fold == 0], before)


def test_settings_come_from_preset_file_and_arguments(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("steps = 7\n[weights]\nfeature = 0.3\n")
    found = settings_of("paper", path, steps=None, seed=9)
    assert (found.steps, found.weights.feature, found.seed, found.rate) == (7, 0.3, 9, 3e-4)
    path.write_text("stepps = 7\n")
    with pytest.raises(Exception, match="stepps"):
        settings_of("quick", path)
