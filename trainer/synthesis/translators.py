"""What every system of translators has in common; the systems are in `cycle` and `munit_system`.

A system's forward pass gives every image that its losses look at, so that one call, one backward pass and one
exchange between GPUs make a step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from trainer.synthesis.losses import Scores, seems_real
from trainer.synthesis.settings import SynthesisSettings

Images = dict[str, Tensor]
"""Images by name; `real_ct`, `real_mr`, `fake_ct` and `fake_mr` in every system."""


class Translators(nn.Module, ABC):
    """What translates between MR and CT. Stacks are (N, 3, H, W) in [-1, 1]."""

    def __init__(self, settings: SynthesisSettings) -> None:
        super().__init__()
        self.weights = settings.weights

    @abstractmethod
    def forward(self, mr: Tensor, ct: Tensor, noise: Tensor) -> Images:
        """Every image of a step; `noise` as `noise_for` draws it."""

    @abstractmethod
    def translate(self, mr: Tensor) -> Tensor:
        """The CT of an MR, always the same one: (N, 3, H, W)."""

    @abstractmethod
    def objective(self, images: Images, ct_scores: Scores, mr_scores: Scores) -> dict[str, Tensor]:
        """The weighted losses by name; `ct_scores` and `mr_scores` are of the translated images."""

    @abstractmethod
    def noise_for(self, count: int, generator: torch.Generator) -> Tensor:
        """The random numbers (count, ...) of a step."""

    def _adversarial(self, ct_scores: Scores, mr_scores: Scores) -> Tensor:
        return self.weights.adversarial * (seems_real(ct_scores) + seems_real(mr_scores))
