"""The stage `student`: patches with truth, then the student trained on them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from ctsma_node.analysis.result import Parameter
from trainer.distillation.patches import knee_patches
from trainer.distillation.student import predict, read_patches, train_student
from trainer.evaluation.agreement import icc21
from trainer.stage import make_items, write_manifest

STUDENT, PLAN, HELD_OUT = "student.safetensors", "student.json", "held_out.npz"


@dataclass(frozen=True)
class StudentSettings:
    """Sizes, lengths and seeds; phantom seeds of training start at `first_seed`."""

    knees: int = 96
    held_out: int = 20
    width: int = 16
    steps: int = 1600
    first_seed: int = 200_000
    seed: int = 2
    jobs: int = 2


def run(folder: Path, settings: StudentSettings) -> dict[str, float]:
    """Train the student into `folder`; returns ICC(2,1) on the patches of held-out knees."""
    seeds = range(settings.first_seed, settings.first_seed + settings.knees)
    paths = make_items("scanned knees", knee_patches, seeds, folder / "patches", settings.jobs)
    torch.set_num_threads(settings.jobs)
    used, held = read_patches(paths[settings.held_out :]), read_patches(paths[: settings.held_out])
    network, plan = train_student(
        used, held, width=settings.width, steps=settings.steps, seed=settings.seed, log=folder / "log"
    )
    save_file(network.state_dict(), folder / STUDENT)
    (folder / PLAN).write_text(plan.model_dump_json(indent=1))
    mean, _ = predict(network, held)
    estimate = np.exp(mean.numpy() * np.array(plan.log_sd) + np.array(plan.log_mean))
    truth = held.truth.numpy()
    np.savez(folder / HELD_OUT, estimate=estimate, truth=truth, subject=held.subject.numpy())
    figures = {f"icc21_{p.value}": icc21(estimate[:, c], truth[:, c]) for c, p in enumerate(Parameter)}
    figures["icc21_mean"] = float(np.mean(list(figures.values())))
    write_manifest(folder, asdict(settings) | {"figures": figures, "patches": len(used)})
    return figures
