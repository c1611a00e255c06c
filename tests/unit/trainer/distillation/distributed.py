"""Run by torchrun in two processes: a teacher, then a student with every term of the distillation."""

from __future__ import annotations

import sys
from pathlib import Path

from trainer.distillation.crossval import Role
from trainer.distillation.regression_stage import RegressionRequest, run
from trainer.distillation.settings import LossWeights, RegressionSettings


def main(cohort: Path, out: Path) -> None:
    settings = RegressionSettings(
        width=4, batch=16, steps=30, teacher_steps=30, rate=1e-2, precision="single"
    )
    teacher, student = out / "teacher", out / "student"
    run(RegressionRequest(cohort, teacher, Role(is_teacher=True), settings.for_teacher()))
    for weights, folder in (
        (LossWeights(), student),
        (LossWeights(feature=1.0, contrast=0.1), out / "all-terms"),
    ):
        chosen = settings.model_copy(update={"weights": weights})
        run(RegressionRequest(cohort, folder, Role(is_teacher=False, teacher=teacher), chosen, final=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
