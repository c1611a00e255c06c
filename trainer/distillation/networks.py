"""Teachers and students: a patch to the four parameters, with the features that distillation compares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ctsma_node.analysis.features import KNEE_CONTEXT
from ctsma_node.analysis.networks import Student, convolutions
from ctsma_node.analysis.patches import CONTEXT, PATCH
from ctsma_node.analysis.result import Parameter
from trainer.distillation.cohort_patches import Batch
from trainer.patches.native import SAMPLES

_PARAMETERS = len(Parameter)
LANDMARKS = 1500
"""Of the kernel ridge; how it was chosen: benchmarks/results/regression.md."""
FOLD = SAMPLES // PATCH
"""Native samples along an axis for one of the analysis grid."""


class Answer(NamedTuple):
    """Standardised log parameters, their log-variance (N, 4), feature maps (N, C, k, j, i), shallow first."""

    mean: Tensor
    log_variance: Tensor
    maps: list[Tensor]

    def at(self, rows: Tensor) -> Answer:
        """To some of the patches."""
        return Answer(self.mean[rows], self.log_variance[rows], [each[rows] for each in self.maps])


class Regressor(nn.Module, ABC):
    """A teacher sees the MR of a Batch, a student its CT."""

    channels: tuple[int, ...]
    """Of the maps."""

    @abstractmethod
    def forward(self, batch: Batch) -> Answer:
        """The answer."""


class Head(nn.Module):
    """Pooled features to means and log-variances."""

    def __init__(self, features: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, 64), nn.GELU(), nn.Dropout(dropout), nn.Linear(64, 2 * _PARAMETERS)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Each (N, 4)."""
        mean, log_variance = self.layers(x).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-8.0, 3.0)


class LightStudent(Regressor):
    """The trunk of the student that ships, without its texture statistics: the plain CNN's network too."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        w = width
        self.channels = (w, 2 * w, 4 * w)
        self.trunk = nn.ModuleList(
            [convolutions(2, w, 1), convolutions(w, 2 * w, 2), convolutions(2 * w, 4 * w, 2)]
        )
        self.head = Head(4 * w, dropout)

    def forward(self, batch: Batch) -> Answer:
        """Maps of 12, 6 and 3 voxels a side."""
        x = torch.stack([(batch.ct.clamp(-400.0, 2000.0) - 250.0) / 250.0 * batch.ct_mask, batch.ct_mask], 1)
        return answered(x, self.trunk, self.head)


class JoinedStudent(Regressor):
    """Texture statistics of the patch and the scan's noise, and the trunk."""

    context: tuple[str, ...] = CONTEXT

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.channels = (width, 2 * width, 4 * width)
        self.student = Student(len(self.context), width, LANDMARKS, dropout)
        for parameter in self.student.head[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, batch: Batch) -> Answer:
        """As the node computes it."""
        maps: list[Tensor] = []
        mean, log_variance = self.student(batch.ct, batch.ct_mask, batch.context, maps)
        return Answer(mean.float(), log_variance.float(), maps)


class KneeStudent(JoinedStudent):
    """The student that ships: told of the whole knee, too."""

    context = CONTEXT + KNEE_CONTEXT


class NativeStudent(Regressor):
    """The CT as it was reconstructed, folded to the analysis grid's sampling, then the light trunk."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        w = width
        self.channels = (w, 2 * w, 4 * w)
        self.stem = nn.Sequential(
            nn.Conv3d(2, w, 5, stride=FOLD, padding=1, bias=False), nn.BatchNorm3d(w), nn.GELU()
        )
        self.trunk = nn.ModuleList(
            [convolutions(w, w, 1), convolutions(w, 2 * w, 2), convolutions(2 * w, 4 * w, 2)]
        )
        self.head = Head(4 * w, dropout)

    def forward(self, batch: Batch) -> Answer:
        """Maps of 12, 6 and 3 samples a side, of 36."""
        mask = batch.ct_mask
        for axis in (1, 2, 3):
            mask = mask.repeat_interleave(FOLD, dim=axis)
        hu = (batch.native.clamp(-400.0, 2000.0) - 250.0) / 250.0 * mask
        return answered(self.stem(torch.stack([hu, mask], dim=1)), self.trunk, self.head)


class LightTeacher(Regressor):
    """An MR patch, folded in plane to the CT's sampling, then a trunk of the student's depths."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        w = width
        self.channels = (w, 2 * w, 4 * w)
        self.stem = nn.Sequential(*_halved(2, max(w // 2, 1)), *_halved(max(w // 2, 1), w))
        self.trunk = nn.ModuleList(
            [convolutions(w, w, 1), convolutions(w, 2 * w, 2), convolutions(2 * w, 4 * w, 2)]
        )
        self.head = Head(4 * w, dropout)

    def forward(self, batch: Batch) -> Answer:
        """Maps of 16 x 12 x 12, 8 x 6 x 6 and 4 x 3 x 3 voxels."""
        x = torch.stack([(batch.mr - 0.7) / 0.3 * batch.mr_mask, batch.mr_mask], dim=1)
        return answered(self.stem(x), self.trunk, self.head)


def _halved(inputs: int, outputs: int) -> list[nn.Module]:
    """Half the samples in plane."""
    layer = nn.Conv3d(inputs, outputs, (3, 4, 4), stride=(1, 2, 2), padding=1, bias=False)
    return [layer, nn.BatchNorm3d(outputs), nn.GELU()]


def answered(x: Tensor, trunk: nn.ModuleList, head: nn.Module) -> Answer:
    """Depth after depth, then the head on the last one's mean."""
    maps: list[Tensor] = []
    for depth in trunk:
        x = depth(x)
        maps.append(x)
    mean, log_variance = head(x.mean(dim=(2, 3, 4)))
    return Answer(mean, log_variance, maps)
