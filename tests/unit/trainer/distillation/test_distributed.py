"""Several processes by torchrun train teachers and students together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import tests.unit.trainer.distillation.distributed as script
from tests.unit.trainer.distillation.cohorts import write_cohort
from trainer.evaluation.regression import predictions

ROOT = Path(__file__).parents[4]


def test_two_processes_train_teachers_and_students(tmp_path: Path) -> None:
    cohort = write_cohort(tmp_path / "patches", pairs=4, patches=16, folds=2)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ended = subprocess.run(
        [*command, "-m", script.__name__, str(cohort), str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    for name in ("teacher", "student", "all-terms"):
        found = predictions.read(tmp_path / name)
        assert np.corrcoef(found.estimate[:, 0], found.label[:, 0])[0, 1] > 0.5, name
