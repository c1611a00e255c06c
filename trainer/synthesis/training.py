"""The training loop of all three systems, on one CPU, one GPU, or several by torchrun.

Every random number of a step follows from the seed, the process and the step's number, so that a training
that is stopped and goes on gives the weights of one that was not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ctsma_node.errors import NodeError
from trainer.synthesis.batches import Batches
from trainer.synthesis.edges import EdgeNetwork
from trainer.synthesis.losses import beside_the_pair, told_apart
from trainer.synthesis.networks import Critics
from trainer.synthesis.pool import ImagePool
from trainer.synthesis.settings import SynthesisSettings
from trainer.synthesis.systems import build
from trainer.synthesis.translators import Images, Translators

_BETAS = (0.5, 0.999)


class DivergedError(NodeError):
    """The losses are no numbers any more."""


class Training:
    """Networks, optimisers and pools of a run; `step` trains both sides once."""

    def __init__(
        self, fabric: Fabric, settings: SynthesisSettings, batches: Batches, edges: EdgeNetwork | None = None
    ) -> None:
        self.fabric, self.settings, self.batches = fabric, settings, batches
        torch.manual_seed(settings.seed)
        translators, critics = build(settings, edges)
        self.translators, self.translator_optimiser = fabric.setup(translators, _adam(translators, settings))
        self.critics, self.critic_optimiser = fabric.setup(critics, _adam(critics, settings))
        self.pools = {name: ImagePool(settings.pool) for name in ("ct_pool", "mr_pool")}

    @property
    def plain_translators(self) -> Translators:
        """The module itself, without what shares it among processes."""
        module = self.translators.module
        assert isinstance(module, Translators)
        return module

    def step(self, number: int) -> dict[str, Tensor]:
        """Train the translators, then the critics, on the batch of this number; the losses by name."""
        self._set_rate(number)
        mr, ct = (each.to(self.fabric.device) for each in self.batches.draw(number, self.fabric.global_rank))
        losses, images = self._train_translators(mr, ct, self._noise(number, len(mr)), number)
        losses["critic"] = self._train_critics(images, number)
        return losses

    def _train_translators(
        self, mr: Tensor, ct: Tensor, noise: Tensor, number: int
    ) -> tuple[dict[str, Tensor], Images]:
        images: Images = self.translators(mr, ct, noise)
        critics = self.critics.module
        assert isinstance(critics, Critics)
        # Not through the wrapper: its processes would wait for gradients of the critics.
        with _untrained(critics), self.fabric.autocast():
            scores = critics(images["fake_ct"], images["fake_mr"])
        losses = self.plain_translators.objective(images, *scores)
        if (paired := paired_weight(number, self.settings)) > 0.0:
            losses["paired"] = paired * beside_the_pair(images)
        total = torch.stack(list(losses.values())).sum()
        self.translator_optimiser.zero_grad()
        self.fabric.backward(total)
        self.translator_optimiser.step()
        return {name: value.detach() for name, value in (losses | {"total": total}).items()}, images

    def _train_critics(self, images: Images, number: int) -> Tensor:
        rng = np.random.default_rng([self.settings.seed, self.fabric.global_rank, number, 7])
        fakes = [self.pools[f"{kind}_pool"].exchange(images[f"fake_{kind}"], rng) for kind in ("ct", "mr")]
        reals = [images[f"real_{kind}"].detach() for kind in ("ct", "mr")]
        # Real and translated images in one pass: one exchange of gradients between processes.
        both = self.critics(*(torch.cat([r, f.detach()]) for r, f in zip(reals, fakes, strict=True)))
        loss = torch.stack([_halves_apart(scores) for scores in both]).sum()
        self.critic_optimiser.zero_grad()
        self.fabric.backward(loss)
        self.critic_optimiser.step()
        return loss.detach()

    def _noise(self, number: int, count: int) -> Tensor:
        seed = np.random.SeedSequence([self.settings.seed, self.fabric.global_rank, number, 8])
        generator = torch.Generator().manual_seed(int(seed.generate_state(1)[0]))
        return self.plain_translators.noise_for(count, generator).to(self.fabric.device)

    def _set_rate(self, number: int) -> None:
        for optimiser in (self.translator_optimiser, self.critic_optimiser):
            for group in optimiser.param_groups:
                group["lr"] = rate_at(number, self.settings)


def rate_at(step: int, settings: SynthesisSettings) -> float:
    """The learning rate of a step: constant, then linearly towards 0 over the second half (CycleGAN)."""
    half = settings.steps / 2.0
    return settings.rate * min(1.0, (settings.steps - step) / half)


def paired_weight(step: int, settings: SynthesisSettings) -> float:
    """Of the difference from the pair's other image: linearly to 0 over the first `paired_steps`."""
    left = settings.paired_steps - step
    return settings.weights.paired * left / settings.paired_steps if left > 0 else 0.0


def checked(losses: dict[str, Tensor], step: int) -> dict[str, float]:
    """The losses as numbers. Raises DivergedError where one is none."""
    values = {name: float(value) for name, value in losses.items()}
    bad = [name for name, value in values.items() if not np.isfinite(value)]
    if bad:
        raise DivergedError(
            f"the training diverged before step {step} ({', '.join(bad)} is not finite): the checkpoint is "
            "from before; try a lower rate"
        )
    return values


def _halves_apart(scores: list[Tensor]) -> Tensor:
    """The critic's loss; the first half of each batch is real."""
    halves = [each.chunk(2) for each in scores]
    return told_apart([real for real, _ in halves], [fake for _, fake in halves])


def _adam(module: nn.Module, settings: SynthesisSettings) -> torch.optim.Adam:
    trained = [p for p in module.parameters() if p.requires_grad]
    return torch.optim.Adam(trained, lr=settings.rate, betas=_BETAS)


@contextmanager
def _untrained(module: nn.Module) -> Iterator[None]:
    """Gradients pass through, none are kept."""
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in module.parameters():
            parameter.requires_grad_(True)
