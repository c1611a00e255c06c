"""Train an aggregator (paper, sections 3.3 and 4.5) on measured knees, drawn knees, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ctsma_node.analysis.measure import aggregator_inputs
from ctsma_node.analysis.plan import AggregatorPlan
from ctsma_node.analysis.result import OAClass
from ctsma_node.errors import SettingsError
from trainer.aggregation.errors import ErrorLaw
from trainer.aggregation.knees import F64, Knees
from trainer.aggregation.models import HEADS, LAYERS, Kind, network_of
from trainer.aggregation.shapes import Variation
from trainer.aggregation.svm import svm
from trainer.aggregation.temperature import cross_fitted, temperature_of

_POSITION_NOISE = 1.5
"""mm, so that the aggregator does not read a class out of a position's last digit."""
_HELD_OUT = 5
"""One person in so many says how sure the others make the network."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A network, what the node needs to use it, and the knees it was calibrated by and not trained on.

    `cross_fitted` are class probabilities of these knees by temperatures that were fitted to other people.
    """

    network: nn.Module
    plan: AggregatorPlan
    held: Knees
    cross_fitted: F64  # (n, 3)


Say = Callable[[int, float], None]
"""Is told the number of steps done and their loss."""


@dataclass(frozen=True)
class Training:
    """Sizes and lengths."""

    kind: Kind = Kind.TRANSFORMER
    width: int = 48
    steps: int = 1500
    batch: int = 32
    rate: float = 1e-3
    weight_decay: float = 1e-2
    dropout: float = 0.2
    value_noise: float = 0.1
    """Standard deviations of a log parameter, added to measured knees, which are always the same ones."""
    shapes: Variation = field(default_factory=Variation)
    """How other knees are shaped; each step sees other shapes."""
    seed: int = 3


def train(knees: Knees, law: ErrorLaw | None, training: Training, say: Say = lambda *_: None) -> Trained:
    """A network trained on `knees`, calibrated by those of people that the training does not see.

    Of a drawn knee every step sees another draw of the student's errors `law`. Raises SettingsError where
    all knees are one person's.
    """
    rng = np.random.default_rng([training.seed, 71])
    held = _held_out(knees, rng)
    used = knees.at(~held)
    plan = _plan(used, law, training.width, rng)
    network = _fit(used, law, plan, training, say)
    asked = knees.at(held)
    asked = replace(asked, parameters=asked.seen(law, rng), measured=np.ones(len(asked), dtype=bool))
    return _calibrated(network, asked, plan, training.seed)


def fit_predict(
    train_on: Knees, law: ErrorLaw | None, test: Knees, training: Training, say: Say = lambda *_: None
) -> tuple[F64, F64]:
    """Class probabilities (m, 3) and cartilage scores (m, 5) of measured knees `test`."""
    if training.kind is Kind.SVM:
        return svm(train_on, law, test, training.seed)
    trained = train(train_on, law, training, say)
    return predict(trained.network, trained.plan, test)


@torch.inference_mode()
def predict(network: nn.Module, plan: AggregatorPlan, knees: Knees) -> tuple[F64, F64]:
    """Class probabilities (m, 3) and cartilage scores (m, 5), as the node computes them."""
    logits, scores = network(*aggregator_inputs(knees.parameters, knees.positions, plan))
    p = torch.softmax(logits.double() / plan.temperature, dim=1).numpy()
    return p, scores.double().numpy() * np.array(plan.score_sd) + np.array(plan.score_mean)


def _held_out(knees: Knees, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Whole people, since one knee says much of the other."""
    person = knees.person
    count = int(person.max()) + 1
    if count < 2:
        raise SettingsError("the knees of one person cannot train an aggregator: some are held out")
    return np.isin(person, rng.permutation(count)[: max(1, count // _HELD_OUT)])


def _plan(knees: Knees, law: ErrorLaw | None, width: int, rng: np.random.Generator) -> AggregatorPlan:
    logs = np.log(np.maximum(knees.seen(law, rng), 1e-3))
    mean, sd = logs.mean(axis=(0, 1)), logs.std(axis=(0, 1))
    return AggregatorPlan(
        width=width,
        heads=HEADS,
        layers=LAYERS,
        log_mean=tuple(mean.tolist()),
        log_sd=tuple(sd.tolist()),
        position_scale=50.0,
        temperature=1.0,
        normal_mean=_normal_mean((logs - mean) / sd, knees.oa_class),
        score_mean=tuple(knees.cartilage.mean(axis=0).tolist()),
        score_sd=tuple(np.maximum(knees.cartilage.std(axis=0), 1e-3).tolist()),
        score_error=tuple([1.0] * knees.cartilage.shape[1]),
    )


def _normal_mean(standardised: F64, oa_class: Any) -> tuple[tuple[float, float, float, float], ...] | None:
    """Of the normal knees: a row for each subregion; None where no knee is normal."""
    normal = standardised[oa_class == tuple(OAClass).index(OAClass.NORMAL)]
    if not len(normal):
        return None
    rows = np.round(normal.mean(axis=0), 4)
    return tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in rows)


def _fit(knees: Knees, law: ErrorLaw | None, plan: AggregatorPlan, training: Training, say: Say) -> nn.Module:
    torch.manual_seed(training.seed)
    rng = np.random.default_rng([training.seed, 72])
    network = network_of(training.kind, training.width, training.dropout)
    optimiser = torch.optim.AdamW(network.parameters(), lr=training.rate, weight_decay=training.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, training.rate, total_steps=training.steps, pct_start=0.1
    )
    for step in range(training.steps):
        some = knees.at(rng.integers(len(knees), size=training.batch))
        loss = _loss(network, some, law, plan, training, rng)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        say(step + 1, float(loss.detach()))
    return network.eval()


def _loss(
    network: nn.Module,
    knees: Knees,
    law: ErrorLaw | None,
    plan: AggregatorPlan,
    training: Training,
    rng: np.random.Generator,
) -> Tensor:
    parameters, positions = _tokens(knees, law, plan, training.shapes, rng)
    noise = rng.normal(0.0, training.value_noise, parameters.shape) * knees.measured[:, None, None]
    logits, scores = network(parameters + torch.from_numpy(noise.astype(np.float32)), positions)
    target = (knees.cartilage - np.array(plan.score_mean)) / np.array(plan.score_sd)
    return functional.cross_entropy(logits, torch.from_numpy(knees.oa_class)) + functional.mse_loss(
        scores, torch.from_numpy(target.astype(np.float32))
    )


def _tokens(
    knees: Knees, law: ErrorLaw | None, plan: AggregatorPlan, shapes: Variation, rng: Any
) -> tuple[Tensor, Tensor]:
    places = shapes(knees.positions, rng) + rng.normal(0.0, _POSITION_NOISE, knees.positions.shape)
    parameters, positions = aggregator_inputs(knees.seen(law, rng), places, plan)
    return parameters, positions


@torch.inference_mode()
def _calibrated(network: nn.Module, held: Knees, plan: AggregatorPlan, seed: int) -> Trained:
    """With the temperature and the score errors of measured knees that were not trained on."""
    logits, _ = network(*aggregator_inputs(held.parameters, held.positions, plan))
    truth = torch.from_numpy(held.oa_class)
    error = np.sqrt(((predict(network, plan, held)[1] - held.cartilage) ** 2).mean(axis=0))
    found = {"temperature": temperature_of(logits, truth), "score_error": tuple(error.tolist())}
    return Trained(
        network, plan.model_copy(update=found), held, cross_fitted(logits, truth, held.person, seed)
    )
