"""One network trained on the patches of some folds: a teacher, a plain CNN, or a student with its teacher.

Every random number of a step follows from the seed, the process and the step's number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ctsma_node.analysis.networks import Student
from ctsma_node.analysis.patches import CONTEXT
from ctsma_node.errors import NodeError
from trainer.distillation.cohort_patches import Batch, CohortPatches, batch_of
from trainer.distillation.kernel import solve
from trainer.distillation.losses import Distillation, supervised
from trainer.distillation.networks import Answer, JoinedStudent, Regressor
from trainer.distillation.scale import Scale
from trainer.distillation.settings import RegressionSettings
from trainer.distillation.taught import Taught

KNEE_SHARE = 0.3
"""By how much less than its own statistics those of its knee make a patch unlike another: of 0.3, 0.5, 1 and
2 the best on the first two folds of 200 drawn scans."""
_CLIP = 5.0
_KEPT = 500
"""Steps between checkpoints."""
_CHUNK = 512

Say = Callable[[int, dict[str, float]], None]
"""Is told the number of steps done and their losses."""


class DivergedError(NodeError):
    """The losses are no numbers any more."""


@dataclass(frozen=True, eq=False)
class Task:
    """What to train: a new `network`, on the patches of `rows`, to `target` (len(rows), 4) standardised.

    A target may be NaN, not known, where there is a teacher.
    """

    network: Regressor
    patches: CohortPatches
    rows: Tensor
    target: Tensor
    settings: RegressionSettings
    taught: Taught | None = None
    """What its teacher says of all patches."""


def target_of(patches: CohortPatches, rows: Tensor, scale: Scale, noise: float, seed: int) -> Tensor:
    """Standardised logs of the labels (n, 4), with `noise` standard deviations added where asked for."""
    target = scale.standardised(patches.label[rows])
    if noise > 0.0:
        generator = torch.Generator().manual_seed(seed)
        target = target + noise * torch.randn(target.shape, generator=generator)
    return target


def fit(fabric: Fabric, task: Task, path: Path, say: Say = lambda *_: None) -> Regressor:
    """Train `task.network`; goes on from the checkpoint at `path`, which is removed at the end."""
    network = task.network
    if isinstance(network, JoinedStudent):
        prepare(network, task)
    module = _Step(network, task.taught, task.settings)
    optimiser = torch.optim.AdamW(
        [p for p in module.parameters() if p.requires_grad],
        lr=task.settings.rate,
        weight_decay=task.settings.weight_decay,
    )
    model, optimiser = fabric.setup(module, optimiser)
    state: dict[str, Any] = {"model": model, "optimiser": optimiser}
    first = int(fabric.load(path, state, weights_only=True)["step"]) if path.exists() else 0
    model.train()
    for number in range(first, task.settings.steps):
        losses = _step(fabric, model, optimiser, task, number)
        done = number + 1
        if done % 20 == 0 or done == task.settings.steps:
            say(done, checked(losses, number))
        if done % _KEPT == 0 and done < task.settings.steps:
            _keep(fabric, path, {**state, "step": done})
    fabric.barrier()
    if fabric.is_global_zero:
        path.unlink(missing_ok=True)
    return network.eval()


class _Step(nn.Module):
    """The forward pass of a step with all of its losses, so that processes share one."""

    def __init__(self, network: Regressor, taught: Taught | None, settings: RegressionSettings) -> None:
        super().__init__()
        self.network = network
        self.weight = settings.weights.supervised
        self.distillation = (
            None if taught is None else Distillation(network.channels, taught.channels, settings.weights)
        )

    def forward(
        self, batch: Batch, target: Tensor, teacher: Answer | None, known: Tensor
    ) -> dict[str, Tensor]:
        """Losses by name; `teacher` answers about the `known` (N,) of the batch."""
        answer = self.network(batch)
        losses = {"supervised": self.weight * supervised(answer, target)}
        if self.distillation is not None and teacher is not None:
            losses |= self.distillation(answer.at(known), teacher)
        return losses


def _step(fabric: Fabric, model: Any, optimiser: Any, task: Task, number: int) -> dict[str, Tensor]:
    settings = task.settings
    seeds = np.random.SeedSequence([settings.seed, fabric.global_rank, number])
    rng = np.random.default_rng(seeds)
    torch.manual_seed(int(seeds.generate_state(1)[0]))  # what dropout draws from
    drawn = torch.from_numpy(rng.integers(len(task.rows), size=settings.batch))
    rows = task.rows[drawn]
    batch = batch_of(task.patches, rows, fabric.device, _drawn_protocols(task, rows, rng))
    axes = [axis for axis in range(3) if rng.random() < 0.5] if settings.flips else []
    batch = batch.flipped(axes)
    known = rows < task.patches.paired
    asked = task.taught is not None and bool(known.any())
    teacher = task.taught.answer(rows[known], axes, fabric.device) if task.taught and asked else None
    for group in optimiser.param_groups:
        group["lr"] = rate_at(number, settings)
    losses: dict[str, Tensor] = model(
        batch, task.target[drawn].to(fabric.device), teacher, known.to(fabric.device)
    )
    optimiser.zero_grad()
    fabric.backward(torch.stack(list(losses.values())).sum())
    fabric.clip_gradients(model, optimiser, max_norm=_CLIP)
    optimiser.step()
    return losses


def _drawn_protocols(task: Task, rows: Tensor, rng: np.random.Generator) -> Tensor | None:
    """Which protocol each patch is shown by; -1 for its own, always that of a scan without MR."""
    shown = task.patches.augmented_by
    if task.settings.augment == 0.0 or not shown:
        return None
    others = rng.integers(shown.start, shown.stop, size=len(rows))
    changed = (rng.random(len(rows)) < task.settings.augment) & (rows < task.patches.paired).numpy()
    return torch.from_numpy(np.where(changed, others, -1))


def rate_at(step: int, settings: RegressionSettings) -> float:
    """One cycle (Smith and Topin 2018): up over a tenth of the steps, down along a cosine; or constant."""
    if settings.constant_rate:
        return settings.rate
    share = (step + 1) / settings.steps
    if share < 0.1:
        return settings.rate * max(share / 0.1, 0.04)
    return settings.rate * (0.5 * (1.0 + float(np.cos(np.pi * (share - 0.1) / 0.9))) + 1e-4)


def checked(losses: dict[str, Tensor], step: int) -> dict[str, float]:
    """The losses as numbers. Raises DivergedError where one is none."""
    values = {name: float(value.detach()) for name, value in losses.items()}
    bad = [name for name, value in values.items() if not np.isfinite(value)]
    if bad:
        raise DivergedError(f"the training diverged at step {step} ({', '.join(bad)}): try a lower rate")
    return values


@torch.no_grad()
def prepare(network: JoinedStudent, task: Task) -> None:
    """Solve what is solved in closed form: the spread of the texture statistics, and the ridge on them.

    With augmentation every patch counts twice, that of a pair once as scanned and once by another protocol.
    Labels and the teacher's answers count by their weights.
    """
    student, rows = network.student, task.rows
    views: list[Tensor | None] = [None]
    shown = task.patches.augmented_by
    if task.settings.augment > 0.0 and shown:
        generator = torch.Generator().manual_seed(task.settings.seed)
        drawn = torch.randint(shown.start, shown.stop, (len(rows),), generator=generator)
        views += [torch.where(rows < task.patches.paired, drawn, -1)]
    found = [_statistics(student, task.patches, rows, view) for view in views]
    student.feature_mean.copy_(found[0].mean(dim=0))
    student.feature_sd.copy_(found[0].std(dim=0).clamp(min=1e-3))
    knee = len(network.context) - len(CONTEXT)
    student.feature_sd[len(student.feature_sd) - knee :] /= KNEE_SHARE
    target = _blended(task).to(student.feature_mean.device).repeat(len(views), 1)
    solve(student.kernel, student.standardised(torch.cat(found)), target, task.settings.seed)


def _statistics(student: Student, patches: CohortPatches, rows: Tensor, protocols: Tensor | None) -> Tensor:
    device, parts = student.feature_mean.device, rows.split(_CHUNK)
    shown = [None] * len(parts) if protocols is None else protocols.split(_CHUNK)
    batches = (batch_of(patches, part, device, view) for part, view in zip(parts, shown, strict=True))
    return torch.cat([student.features(b.ct, b.ct_mask, b.context) for b in batches])


def _blended(task: Task) -> Tensor:
    """What squared errors to labels and to the teacher's answers agree on; NaN where nobody knows."""
    weights = task.settings.weights
    if task.taught is None or weights.prediction == 0.0:
        return task.target
    share = weights.supervised / (weights.supervised + weights.prediction)
    out, known = task.target.clone(), task.rows < len(task.taught)
    ours, theirs = task.target[known], task.taught.mean[task.rows[known]].float()
    out[known] = torch.where(ours.isnan(), theirs, share * ours + (1.0 - share) * theirs)
    return out


@torch.inference_mode()
def predict(
    network: Regressor, patches: CohortPatches, rows: Tensor, device: torch.device, protocol: int = -1
) -> tuple[Tensor, Tensor]:
    """Means and standard deviations (n, 4), standardised, of the patches of `rows` by one protocol."""
    network.eval()
    batches = (
        batch_of(patches, part, device, None if protocol < 0 else torch.full((len(part),), protocol))
        for part in rows.split(_CHUNK)
    )
    answers = [network(batch) for batch in batches]
    mean = torch.cat([a.mean for a in answers]).float().cpu()
    return mean, torch.cat([torch.exp(0.5 * a.log_variance) for a in answers]).float().cpu()


def _keep(fabric: Fabric, path: Path, state: dict[str, Any]) -> None:
    """Whole or not at all; every process calls it."""
    part = path.with_suffix(".part")
    fabric.save(part, state)
    if fabric.is_global_zero:
        part.replace(path)
    fabric.barrier()
