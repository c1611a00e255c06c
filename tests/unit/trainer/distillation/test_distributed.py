"""Several processes by torchrun train teachers and students together."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import tests.unit.trainer.distillation.distributed as script
from tests.unit.trainer.distillation.cohorts import write_cohort
from tests.unit.trainer.torchrun import run_in_two_processes
from trainer.evaluation.regression import predictions


def test_two_processes_train_teachers_and_students(tmp_path: Path) -> None:
    cohort = write_cohort(tmp_path / "patches", pairs=4, patches=16, folds=2)
    run_in_two_processes(script, cohort, tmp_path)
    for name in ("teacher", "student", "all-terms"):
        found = predictions.read(tmp_path / name)
        assert np.corrcoef(found.estimate[:, 0], found.label[:, 0])[0, 1] > 0.5, name
