"""Train the aggregator (paper, section 3.3) on a cohort with the student's errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import r2_score, roc_auc_score
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.tensorboard import SummaryWriter

from ctsma_node.analysis.measure import aggregator_inputs
from ctsma_node.analysis.networks import Aggregator
from ctsma_node.analysis.plan import AggregatorPlan
from trainer.aggregation.cohort import Cohort
from trainer.aggregation.errors import ErrorLaw
from trainer.stage import progress

_BATCH = 32
_HELD_OUT = 0.2
_POSITION_NOISE = 1.5
"""mm, so that the aggregator does not read a class out of a position's last digit."""


def train_aggregator(
    cohort: Cohort, law: ErrorLaw, *, width: int, steps: int, seed: int, log: Path
) -> tuple[Aggregator, AggregatorPlan, dict[str, float]]:
    """Train on four fifths of the knees; scale, calibrate and score on the rest."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(cohort.truth))
    n = round(_HELD_OUT * len(order))
    held, used = order[:n], order[n:]
    plan = _plan(cohort, law, used, width, rng)
    network = Aggregator(width, plan.heads, plan.layers)
    _fit(network, cohort, law, used, plan, steps, rng, log)
    return network, *_score(network, cohort, law, held, plan, rng)


def _plan(cohort: Cohort, law: ErrorLaw, used: Any, width: int, rng: np.random.Generator) -> AggregatorPlan:
    logs = np.log(law.draw(cohort.truth[used], rng))
    score = cohort.cartilage[used]
    mean, sd = logs.mean(axis=(0, 1)).tolist(), logs.std(axis=(0, 1)).tolist()
    return AggregatorPlan(
        width=width,
        heads=4,
        layers=2,
        log_mean=tuple(mean),
        log_sd=tuple(sd),
        position_scale=50.0,
        temperature=1.0,
        score_mean=tuple(score.mean(axis=0).tolist()),
        score_sd=tuple(score.std(axis=0).tolist()),
        score_error=tuple([1.0] * score.shape[1]),
    )


def _fit(
    network: Aggregator,
    cohort: Cohort,
    law: ErrorLaw,
    used: Any,
    plan: AggregatorPlan,
    steps: int,
    rng: np.random.Generator,
    log: Path,
) -> None:
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps, pct_start=0.1)
    writer = SummaryWriter(str(log))
    network.train()
    with progress() as bar:
        task = bar.add_task("aggregator", total=steps, note="")
        for step in range(steps):
            rows = rng.choice(used, _BATCH)
            loss = _loss(network, cohort, law, rows, plan, rng)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            writer.add_scalar("loss", float(loss.detach()), step)
            bar.update(task, advance=1, note=f"loss {float(loss.detach()):.3f}")
    writer.close()
    network.eval()


def _tokens(
    cohort: Cohort, law: ErrorLaw, rows: Any, plan: AggregatorPlan, rng: Any
) -> tuple[Tensor, Tensor]:
    estimate = law.draw(cohort.truth[rows], rng)
    places = cohort.positions[rows] + rng.normal(0.0, _POSITION_NOISE, cohort.positions[rows].shape)
    parameters, positions = aggregator_inputs(estimate, places, plan)
    return parameters, positions


def _loss(
    network: Aggregator, cohort: Cohort, law: ErrorLaw, rows: Any, plan: AggregatorPlan, rng: Any
) -> Tensor:
    logits, scores = network(*_tokens(cohort, law, rows, plan, rng))
    target = (cohort.cartilage[rows] - np.array(plan.score_mean)) / np.array(plan.score_sd)
    return functional.cross_entropy(logits, torch.from_numpy(cohort.oa_class[rows])) + functional.mse_loss(
        scores, torch.from_numpy(target.astype(np.float32))
    )


def _score(
    network: Aggregator, cohort: Cohort, law: ErrorLaw, held: Any, plan: AggregatorPlan, rng: Any
) -> tuple[AggregatorPlan, dict[str, float]]:
    """Temperature and score errors of held-out knees, and how good the aggregator is on them."""
    with torch.inference_mode():
        logits, scores = network(*_tokens(cohort, law, held, plan, rng))
    truth = torch.from_numpy(cohort.oa_class[held])
    temperature = _temperature(logits, truth)
    p = torch.softmax(logits / temperature, dim=1).numpy()
    raw = scores.numpy() * np.array(plan.score_sd) + np.array(plan.score_mean)
    target = cohort.cartilage[held]
    error = np.sqrt(((raw - target) ** 2).mean(axis=0))
    figures = {
        "knees": float(len(held)),
        "auc_oa": float(roc_auc_score(truth.numpy() > 0, 1.0 - p[:, 0])),
        "accuracy": float((p.argmax(axis=1) == truth.numpy()).mean()),
        "cartilage_r2": float(r2_score(target.ravel(), raw.ravel())),
        "cartilage_mae": float(np.abs(raw - target).mean()),
    }
    changes = {"temperature": temperature, "score_error": tuple(error.tolist())}
    return plan.model_copy(update=changes), figures


def _temperature(logits: Tensor, truth: Tensor) -> float:
    """The divisor of the logits with the best likelihood on held-out knees (Guo et al. 2017)."""
    choices = np.exp(np.linspace(np.log(0.5), np.log(4.0), 60))
    losses = [float(functional.cross_entropy(logits / t, truth)) for t in choices]
    return float(choices[int(np.argmin(losses))])
