"""CTs of other protocols: shown in training as often as asked for, and predicted apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from tests.unit.trainer.distillation.cohorts import write_cohort
from trainer.distillation.cohort_patches import batch_of, read_cohort_patches
from trainer.distillation.crossval import Role
from trainer.distillation.regression_stage import RegressionRequest, run
from trainer.distillation.settings import RegressionSettings
from trainer.evaluation.regression import predictions
from trainer.evaluation.regression.conditions import FOLDER


def test_a_batch_shows_the_protocols_that_were_drawn(tmp_path: Path) -> None:
    patches = read_cohort_patches(write_cohort(tmp_path, pairs=1), with_mr=False)
    rows = torch.arange(3)
    plain, shown = batch_of(patches, rows), batch_of(patches, rows, None, torch.tensor([-1, 0, 1]))
    torch.testing.assert_close(shown.ct[:2], plain.ct[:2])
    assert float(shown.ct[2].abs().max()) == 0.0
    assert shown.context[:, 0].tolist() == [0.0, 1.0, 2.0]
    torch.testing.assert_close(batch_of(patches, rows).ct, plain.ct)


def test_every_protocol_is_predicted_by_networks_that_never_saw_the_patient(tmp_path: Path) -> None:
    cohort, out = write_cohort(tmp_path / "patches"), tmp_path / "out"
    settings = RegressionSettings(width=4, batch=16, steps=40, rate=1e-2, precision="single", augment=0.5)
    found = run(RegressionRequest(cohort, out, Role(is_teacher=False), settings, final=False))
    same, without = (predictions.read(out / FOLDER / str(number)) for number in (0, 1))
    for other in (same, without):
        predictions.check_same_patches(found, other)
    np.testing.assert_allclose(same.estimate, found.estimate, rtol=1e-4)
    assert without.estimate.std(axis=0).max() < found.estimate.std(axis=0).max()
