"""Train the CT student on patches with known truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from ctsma_node.analysis.networks import Student
from ctsma_node.analysis.patches import CONTEXT
from ctsma_node.analysis.plan import StudentPlan
from trainer.stage import progress

_BATCH = 256


@dataclass(frozen=True)
class PatchSet:
    """Patches of many knees: `hu` and `mask` (n, 12, 12, 12), `context` (n, C), `truth` (n, 4), `subject`."""

    hu: Tensor
    mask: Tensor
    context: Tensor
    truth: Tensor
    subject: Tensor

    def take(self, rows: Tensor) -> PatchSet:
        """Some of the patches."""
        return PatchSet(*(getattr(self, f)[rows] for f in ("hu", "mask", "context", "truth", "subject")))

    def __len__(self) -> int:
        return len(self.subject)


def read_patches(paths: list[Path]) -> PatchSet:
    """Read what `knee_patches` made; patches with less than a fifth of bone are left out."""
    columns: dict[str, list[Any]] = {n: [] for n in ("hu", "mask", "context", "truth", "subject")}
    for path in paths:
        with np.load(path) as item:
            keep = item["mask"].mean(axis=(1, 2, 3)) > 0.2
            keep &= np.isfinite(item["truth"]).all(axis=1)
            n = int(keep.sum())
            for name in ("hu", "mask", "truth"):
                columns[name].append(item[name][keep])
            columns["context"].append(np.tile(item["context"], (n, 1)))
            columns["subject"].append(np.full(n, int(item["subject"])))
    joined = {name: torch.from_numpy(np.concatenate(parts)) for name, parts in columns.items()}
    joined["truth"] = joined["truth"].float()
    return PatchSet(**joined)


def train_student(
    patches: PatchSet, held_out: PatchSet, *, width: int, steps: int, seed: int, log: Path
) -> tuple[Student, StudentPlan]:
    """Gaussian likelihood of the standardised log parameters; the spread is calibrated on held-out knees."""
    torch.manual_seed(seed)
    logs = patches.truth.clamp(min=1e-3).log()
    mean, sd = logs.mean(dim=0), logs.std(dim=0)
    network = Student(len(CONTEXT), width)
    _standardise(network, patches)
    nn.init.zeros_(network.linear.weight)
    _fit(network, patches, (logs - mean) / sd, steps, seed, log)
    factor = _calibrate(network, held_out, mean, sd)
    low, high = np.quantile(patches.truth.numpy(), [0.001, 0.999], axis=0)
    plan = StudentPlan(
        width=width,
        context=CONTEXT,
        log_mean=_four(mean),
        log_sd=_four(sd),
        sd_factor=_four(factor),
        low=_four(low * 0.9),
        high=_four(high * 1.1),
    )
    return network, plan


def _four(values: Any) -> tuple[float, float, float, float]:
    a, b, c, d = (float(v) for v in values)
    return a, b, c, d


def _standardise(network: Student, patches: PatchSet) -> None:
    """Mean and spread of the texture statistics over the training patches."""
    with torch.no_grad():
        f = torch.cat([network.features(*_inputs(patches.take(r))) for r in _chunks(len(patches))])
    network.feature_mean.copy_(f.mean(dim=0))
    network.feature_sd.copy_(f.std(dim=0).clamp(min=1e-3))


def _chunks(n: int) -> list[Tensor]:
    return list(torch.arange(n).split(2048))


def _inputs(p: PatchSet) -> tuple[Tensor, Tensor, Tensor]:
    return p.hu.float(), p.mask.float(), p.context


def _fit(network: Student, patches: PatchSet, target: Tensor, steps: int, seed: int, log: Path) -> None:
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps, pct_start=0.1)
    writer = SummaryWriter(str(log))
    network.train()
    with progress() as bar:
        task = bar.add_task("student", total=steps, note="")
        for step in range(steps):
            rows = torch.randint(len(patches), (_BATCH,), generator=generator)
            hu, mask, context = _flip(*_inputs(patches.take(rows)), generator)
            mean, log_variance = network(hu, mask, context)
            loss = _likelihood(mean, log_variance, target[rows])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            writer.add_scalar("loss", float(loss.detach()), step)
            bar.update(task, advance=1, note=f"loss {float(loss.detach()):.3f}")
    writer.close()
    network.eval()


def _flip(hu: Tensor, mask: Tensor, context: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Mirror a batch along random axes: texture has no handedness."""
    axes = [a for a in (1, 2, 3) if torch.rand((), generator=generator) < 0.5]
    return (hu.flip(axes), mask.flip(axes), context) if axes else (hu, mask, context)


def _likelihood(mean: Tensor, log_variance: Tensor, target: Tensor) -> Tensor:
    """Gaussian negative log-likelihood plus the squared error, which keeps hard patches in the fit."""
    error = (target - mean) ** 2
    return (0.5 * (log_variance + error * torch.exp(-log_variance)) + 0.5 * error).mean()


def predict(network: Student, patches: PatchSet) -> tuple[Tensor, Tensor]:
    """Mean and log-variance (n, 4) of standardised log parameters."""
    with torch.inference_mode():
        parts = [network(*_inputs(patches.take(r))) for r in _chunks(len(patches))]
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])


def _calibrate(network: Student, held_out: PatchSet, mean: Tensor, sd: Tensor) -> Tensor:
    """Factor on the student's spread so that 68 % of unseen truths lie within one standard deviation."""
    target = (held_out.truth.clamp(min=1e-3).log() - mean) / sd
    guess, log_variance = predict(network, held_out)
    z = ((target - guess) / torch.exp(0.5 * log_variance)).abs()
    return z.quantile(0.683, dim=0)
