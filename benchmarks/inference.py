"""Milliseconds for the 200 patches of a knee, student beside teacher, by form, on up to two threads.

Networks are as large as their presets make them and untrained: what they have learnt does not change how long
they take. Each form's pair is timed in turn within one loop, so that both meet the same machine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from ctsma_node.analysis.features import KNEE_CONTEXT
from ctsma_node.analysis.patches import CONTEXT, PATCH
from trainer.distillation.cohort_patches import Batch
from trainer.distillation.forms import student_of, teacher_of
from trainer.distillation.settings import Form, settings_of
from trainer.patches.mr_patches import SHAPE
from trainer.patches.native import SAMPLES

KNEE = 200
"""Subregions of a knee, a patch each."""
RUNS = {"quick": 9, "paper": 2}
THREADS = 2


def main() -> None:
    """Print milliseconds of student and teacher, and how many students one teacher takes."""
    torch.set_num_threads(THREADS)
    print(f"{'form':9s} {'student, ms':>24s} {'teacher, ms':>24s} {'teacher / student':>18s}")
    for form in Form:
        seen = _knee(CONTEXT + KNEE_CONTEXT * (form is Form.KNEE))
        preset = "paper" if form in (Form.PAPER, Form.PREPRINT) else "quick"
        settings = settings_of(preset, form=form)
        networks = [make(form, settings.width, 0.0).eval() for make in (student_of, teacher_of)]
        students, teachers = _timed([lambda n=n, seen=seen: n(seen) for n in networks], RUNS[preset])  # type: ignore[misc]
        ratio = statistics.median(teachers) / statistics.median(students)
        print(f"{form.value:9s} {_range(students):>24s} {_range(teachers):>24s} {ratio:18.1f}", flush=True)


def _knee(context: tuple[str, ...]) -> Batch:
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn((KNEE, *shape), generator=generator)

    ct, mr = (PATCH, PATCH, PATCH), SHAPE
    return Batch(
        ct=400.0 + 200.0 * drawn(*ct),
        ct_mask=torch.ones(KNEE, *ct),
        mr=0.7 + 0.2 * drawn(*mr),
        mr_mask=torch.ones(KNEE, *mr),
        native=400.0 + 200.0 * drawn(SAMPLES, SAMPLES, SAMPLES),
        context=drawn(len(context)),
    )


@torch.inference_mode()
def _timed(calls: list[Callable[[], object]], runs: int) -> list[list[float]]:
    """Milliseconds of each call, in turn; the first round is not counted."""
    taken: list[list[float]] = [[] for _ in calls]
    for run in range(runs + 1):
        for call, times in zip(calls, taken, strict=True):
            begun = time.perf_counter()
            call()
            if run:
                times.append(1000.0 * (time.perf_counter() - begun))
    return taken


def _range(times: list[float]) -> str:
    return f"{statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})"
