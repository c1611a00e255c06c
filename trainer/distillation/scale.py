"""Parameters as the networks are trained on them: logs, standardised over the training patches."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_LEAST = 1e-3


@dataclass(frozen=True, eq=False)
class Scale:
    """`mean` and `sd` (4,) of the natural logs."""

    mean: Tensor
    sd: Tensor

    @classmethod
    def of(cls, labels: Tensor) -> Scale:
        """Of labels (n, 4)."""
        logs = labels.clamp(min=_LEAST).log()
        return cls(logs.mean(dim=0), logs.std(dim=0))

    def standardised(self, values: Tensor) -> Tensor:
        """(n, 4) in the parameters' units to standardised logs."""
        return (values.clamp(min=_LEAST).log() - self.mean) / self.sd

    def values(self, standardised: Tensor) -> Tensor:
        """Back to the parameters' units."""
        return torch.exp(standardised * self.sd + self.mean)
