"""From subregions to a patient: the paper's three networks (section 4.5) and the preprint's SVM.

Networks take parameters (N, 200, 4), standardised logs, and positions (N, 200, 3), and give class logits
(N, 3) and standardised cartilage scores (N, 5), as `ctsma_node.analysis.networks.Aggregator` does.
"""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor, nn

from ctsma_node.analysis.networks import Aggregator
from ctsma_node.analysis.result import SUBREGIONS_PER_BONE, Bone, CartilageRegion, OAClass, Parameter

_ANSWERS = len(OAClass) + len(CartilageRegion)


class Kind(StrEnum):
    """Of aggregator."""

    TRANSFORMER = "transformer"
    CNN = "cnn"
    MLP = "mlp"
    SVM = "svm"


class Perceptron(nn.Module):
    """All parameters at once; where a subregion lies is its place in the input."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        inputs = len(Bone) * SUBREGIONS_PER_BONE * len(Parameter)
        self.layers = nn.Sequential(
            nn.Linear(inputs, width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, _ANSWERS),
        )

    def forward(self, parameters: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits and standardised cartilage scores."""
        return _parted(self.layers(parameters.flatten(1)))


class Convolutional(nn.Module):
    """Neighbours in the subregions' order, in layers away from the joint: a local field of view."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        inputs = len(Bone) * (len(Parameter) + 3)
        self.layers = nn.Sequential(
            nn.Conv1d(inputs, width, 5, padding=2),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Conv1d(width, width, 5, stride=2, padding=2),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Conv1d(width, width, 5, stride=2, padding=2),
            nn.GELU(),
        )
        self.answers = nn.Linear(width, _ANSWERS)

    def forward(self, parameters: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits and standardised cartilage scores."""
        tokens = torch.cat([parameters, positions], dim=2)
        bones = tokens.unflatten(1, (len(Bone), SUBREGIONS_PER_BONE)).transpose(2, 3).flatten(1, 2)
        return _parted(self.answers(self.layers(bones).mean(dim=2)))


def _parted(answers: Tensor) -> tuple[Tensor, Tensor]:
    return answers[:, : len(OAClass)], answers[:, len(OAClass) :]


HEADS, LAYERS = 4, 2
"""Of the transformer; paper, section 3.3: two layers."""


def network_of(kind: Kind, width: int, dropout: float) -> nn.Module:
    """An untrained network; the SVM is none (`trainer.aggregation.svm`)."""
    if kind is Kind.TRANSFORMER:
        return Aggregator(width, HEADS, LAYERS, dropout)
    return {Kind.CNN: Convolutional, Kind.MLP: Perceptron}[kind](width, dropout)
