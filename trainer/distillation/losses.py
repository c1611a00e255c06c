"""What teacher and student are trained by (paper, section 3.2), each loss a scalar."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.distillation.networks import Answer
from trainer.distillation.settings import LossWeights

MATCHED = 3
"""Samples along each axis that maps of matching depths are brought to: CT and MR see the same cube."""
_TEMPERATURE = 0.1


def supervised(answer: Answer, target: Tensor) -> Tensor:
    """Squared error, and the likelihood of a Gaussian whose width the network states (Kendall and Gal 2017).

    The likelihood alone would give up on hard patches. A NaN in `target` is a label that is not known; where
    none of a batch is, the loss is 0.
    """
    known = target.isfinite()
    error = (torch.where(known, target, answer.mean) - answer.mean) ** 2
    each = 0.5 * (answer.log_variance + error * torch.exp(-answer.log_variance)) + 0.5 * error
    return (each * known).sum() / known.sum().clamp(min=1)


class Distillation(nn.Module):
    """The terms between student and teacher, with the projections that make their features comparable.

    What no term asks for is not made: processes side by side would wait for its gradients.
    """

    def __init__(self, student: tuple[int, ...], teacher: tuple[int, ...], weights: LossWeights) -> None:
        super().__init__()
        self.weights = weights
        depths = zip(student, teacher, strict=True) if weights.feature > 0.0 else ()
        self.projections = nn.ModuleList(nn.Conv3d(ours, theirs, 1) for ours, theirs in depths)
        self.partner = nn.Linear(student[-1], teacher[-1]) if weights.contrast > 0.0 else None

    def forward(self, student: Answer, teacher: Answer) -> dict[str, Tensor]:
        """The weighted terms by name; the teacher's answer carries no gradient."""
        w = self.weights
        terms = {}
        if w.prediction > 0.0:
            terms["prediction"] = w.prediction * functional.mse_loss(student.mean, teacher.mean)
        if w.feature > 0.0:
            terms["feature"] = w.feature * self._features_apart(student, teacher)
        if w.relation > 0.0:
            terms["relation"] = w.relation * relations_apart(pooled(student), pooled(teacher))
        if self.partner is not None:
            terms["contrast"] = w.contrast * mistaken(self.partner(pooled(student)), pooled(teacher))
        return terms

    def _features_apart(self, student: Answer, teacher: Answer) -> Tensor:
        """L1 at every depth, in units of the teacher's spread over the batch."""
        apart = []
        for project, ours, theirs in zip(self.projections, student.maps, teacher.maps, strict=True):
            ours, theirs = matched(project(ours)), matched(theirs)
            spread = theirs.std(dim=(0, 2, 3, 4), keepdim=True).clamp(min=1e-3)
            apart.append(((ours - theirs) / spread).abs().mean())
        return torch.stack(apart).mean()


def matched(maps: Tensor) -> Tensor:
    """(N, C, k, j, i) to (N, C, 3, 3, 3): the same cube of bone, thirds of it along each axis."""
    return functional.adaptive_avg_pool3d(maps.float(), MATCHED)


def pooled(answer: Answer) -> Tensor:
    """(N, C) of the deepest map."""
    return answer.maps[-1].float().mean(dim=(2, 3, 4))


def relations_apart(ours: Tensor, theirs: Tensor) -> Tensor:
    """Huber loss between distances of all pairs in a batch, each in units of its mean (Park et al. 2019)."""
    distances = [functional.pdist(each) for each in (ours, theirs)]
    first, second = (each / each.mean().clamp(min=1e-6) for each in distances)
    return functional.smooth_l1_loss(first, second)


def mistaken(ours: Tensor, theirs: Tensor) -> Tensor:
    """InfoNCE both ways: how hard it is to find each patch's partner in the batch."""
    one, other = (functional.normalize(each - each.mean(dim=0), dim=1) for each in (ours, theirs))
    logits = one @ other.T / _TEMPERATURE
    partner = torch.arange(len(logits), device=logits.device)
    return 0.5 * (functional.cross_entropy(logits, partner) + functional.cross_entropy(logits.T, partner))
