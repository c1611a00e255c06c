"""The student that ships: the joined form trained on all folds, with the scale of what it predicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.torch import save_file
from scipy.stats import norm

from ctsma_node.analysis.plan import StudentPlan
from trainer.distillation.cohort_patches import CohortPatches
from trainer.distillation.intervals import COVERAGE, Spread
from trainer.distillation.networks import JoinedStudent
from trainer.distillation.scale import Scale

STUDENT, PLAN = "student.safetensors", "student.json"
_EDGES = (0.001, 0.999)
_BEYOND = (0.9, 1.1)


def write_student(
    folder: Path, student: JoinedStudent, width: int, scale: Scale, patches: CohortPatches, unseen: Spread
) -> None:
    """Write `folder`/student.safetensors and student.json, as the node reads them in a bundle.

    The standard uncertainties that the node reports are scaled by the cross-validated answers `unseen`: 90 %
    of them lie within 1.645 uncertainties of the label (logs; Gaussian in name only).
    """
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in student.student.state_dict().items()
    }
    save_file(state, folder / STUDENT)
    everywhere = np.ones(len(unseen.mean), dtype=bool)
    factor = unseen.factors(everywhere) / norm.ppf(0.5 + 0.5 * COVERAGE)
    low, high = np.quantile(patches.label.numpy(), _EDGES, axis=0)
    plan = StudentPlan(
        width=width,
        landmarks=len(student.student.kernel.centres),
        context=student.context,
        log_mean=_four(scale.mean.numpy()),
        log_sd=_four(scale.sd.numpy()),
        sd_factor=_four(factor),
        low=_four(low * _BEYOND[0]),
        high=_four(high * _BEYOND[1]),
    )
    (folder / PLAN).write_text(plan.model_dump_json(indent=1), encoding="utf-8")


def _four(values: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> tuple[float, float, float, float]:
    a, b, c, d = (float(value) for value in values)
    return a, b, c, d
