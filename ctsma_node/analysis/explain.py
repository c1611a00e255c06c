"""Which subregions carried the decision, by integrated gradients (Sundararajan et al. 2017, section 3).

A parameter's contribution is its distance from a reference times the slope of the log-odds of osteoarthritis,
averaged along the straight line from the reference to the knee. The contributions add up to the difference of
the log-odds at the two ends, whatever the network.

The reference is the knee of the same shape with the mean of the training's normal knees in every subregion:
what the shape alone says is in the probability of the reference, what the bone says is in the contributions.
The mean of all knees, one value for all subregions, stands in where a bundle's plan has no normal knees. It
is the worse reference: no knee is uniform, so on the way from there the network is asked what it never saw,
and its slope swings.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ctsma_node.analysis.batches import in_batches
from ctsma_node.analysis.bundle import Bundle
from ctsma_node.analysis.measure import aggregator_inputs
from ctsma_node.analysis.plan import AggregatorPlan
from ctsma_node.analysis.result import (
    SUBREGIONS_PER_BONE,
    Compartment,
    Explanation,
    OAClass,
    Parameter,
    Reason,
)
from ctsma_node.volume import Array

STEPS = 32
"""Points of the Gauss-Legendre rule: over 100 knees the sum misses at most 0.01 % of the difference."""
_BATCH = 8
"""Points at a time."""
_NORMAL_KNEES = "a knee of this shape with the mean bone of the normal knees in the training"
_ALL_KNEES = "a knee of this shape with the mean bone of all knees in the training"


def explain(
    values: Array, positions: Array, bundle: Bundle, device: torch.device
) -> tuple[Explanation, Array]:
    """The explanation of a knee, and the contributions (200, 4) of its subregions in log-odds.

    `values` (200, 4) in the order of `Parameter`, `positions` (200, 3) mm with the lateral axis first.
    """
    plan = bundle.plan.aggregator
    knee, places = aggregator_inputs(values, positions, plan)
    reference = reference_of(plan)
    shares = _integrated_gradients(knee, reference, places, bundle, device)
    ((logits, _),) = in_batches(bundle.aggregator, (reference[None], places[None]), 1, device)
    explanation = Explanation(
        reference=_NORMAL_KNEES if plan.normal_mean else _ALL_KNEES,
        reference_probability=float(torch.sigmoid(log_odds(logits, plan))[0]),
        reasons=_reasons(shares, (knee - reference).double().numpy() * np.array(plan.log_sd), positions),
    )
    return explanation, shares


def reference_of(plan: AggregatorPlan) -> Tensor:
    """Standardised log parameters (200, 4) of the reference knee."""
    if plan.normal_mean is None:
        return torch.zeros(len(Compartment) // 2 * SUBREGIONS_PER_BONE, len(Parameter))
    return torch.tensor(plan.normal_mean, dtype=torch.float32)


def log_odds(logits: Tensor, plan: AggregatorPlan) -> Tensor:
    """Log-odds of osteoarthritis, ln((1 - p) / p) with p of normal: (N, 3) -> (N,)."""
    scaled = logits.double() / plan.temperature
    normal = tuple(OAClass).index(OAClass.NORMAL)
    others = [n for n in range(len(OAClass)) if n != normal]
    return torch.logsumexp(scaled[:, others], dim=1) - scaled[:, normal]


def _integrated_gradients(
    knee: Tensor, reference: Tensor, places: Tensor, bundle: Bundle, device: torch.device
) -> Array:
    """Contributions (200, 4): the distance times the mean slope on the way."""
    nodes, weights = np.polynomial.legendre.leggauss(STEPS)
    at = torch.from_numpy((nodes.astype(np.float32) + 1) / 2)[:, None, None]
    way = reference + at * (knee - reference)

    def slope(points: Tensor, where: Tensor) -> Tensor:
        with torch.inference_mode(False):
            leaf = points.clone().requires_grad_()
            logits, _ = bundle.aggregator(leaf, where.clone())
            return torch.autograd.grad(log_odds(logits, bundle.plan.aggregator).sum(), leaf)[0].cpu()

    slopes = torch.cat(in_batches(slope, (way, places.expand(STEPS, -1, -1)), _BATCH, device)).double()
    mean = (torch.from_numpy(weights / 2)[:, None, None] * slopes).sum(dim=0)
    return np.asarray(((knee - reference).double() * mean).numpy())


def _reasons(shares: Array, log_ratios: Array, positions: Array) -> tuple[Reason, ...]:
    """Sums over the compartments; `log_ratios` (200, 4) are of values over the reference.

    What lies below the reference and what lies above it are told apart: in one femur, less bone in the shaft
    and more of it under the joint can both speak for osteoarthritis.
    """
    of = compartments(positions)
    return tuple(
        _reason(compartment, parameter, shares[chosen, column], log_ratios[chosen, column])
        for n, compartment in enumerate(Compartment)
        for column, parameter in enumerate(Parameter)
        for chosen in ((of == n) & (log_ratios[:, column] < 0.0), (of == n) & (log_ratios[:, column] >= 0.0))
    )


def _reason(compartment: Compartment, parameter: Parameter, shares: Array, log_ratios: Array) -> Reason:
    """Of some subregions; their ratio is as it is where it counts."""
    weights = np.abs(shares)
    ratio = np.exp((weights * log_ratios).sum() / max(weights.sum(), 1e-12))
    return Reason(compartment, parameter, contribution=float(shares.sum()), ratio=float(ratio))


def compartments(positions: Array) -> npt.NDArray[np.int64]:
    """Number in `Compartment` of each subregion (200,): the lateral half of a bone is lateral of its mean."""
    across = positions[:, 0].reshape(2, SUBREGIONS_PER_BONE)
    lateral = across > across.mean(axis=1, keepdims=True)
    return np.asarray((2 * np.arange(2)[:, None] + lateral).ravel())
