"""How sure a network may be: the divisor of its logits, and probabilities that it is judged by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from trainer.aggregation.knees import F64


def temperature_of(logits: Tensor, truth: Tensor) -> float:
    """The divisor of the logits with the best likelihood on held-out knees (Guo et al. 2017)."""
    choices = np.exp(np.linspace(np.log(0.5), np.log(6.0), 80))
    losses = [float(functional.cross_entropy(logits / t, truth)) for t in choices]
    return float(choices[int(np.argmin(losses))])


def cross_fitted(logits: Tensor, truth: Tensor, person: npt.NDArray[np.int64], seed: int) -> F64:
    """Class probabilities (n, 3), those of each half of the people by the other half's temperature.

    A temperature is fitted to how often its own knees are ill, so that of these it cannot say how far
    probabilities are off. `person` is `Knees.person`; one person has no other half: all NaN.
    """
    people = np.random.default_rng([seed, 73]).permutation(int(person.max()) + 1)
    first = torch.from_numpy(np.isin(person, people[: len(people) // 2]))
    out = torch.full(logits.shape, torch.nan, dtype=torch.float64)
    if len(people) > 1:
        for asked in (first, ~first):
            temperature = temperature_of(logits[~asked], truth[~asked])
            out[asked] = torch.softmax(logits[asked].double() / temperature, dim=1)
    return out.numpy()
