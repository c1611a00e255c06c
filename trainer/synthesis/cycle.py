"""SPSNet and CycleGAN: two generators, each undoing the other."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.synthesis.edges import EdgeNetwork
from trainer.synthesis.grid import NOTHING
from trainer.synthesis.information import mutual_information
from trainer.synthesis.losses import Scores, difference
from trainer.synthesis.networks import ResNetGenerator, frozen
from trainer.synthesis.settings import STACK, SynthesisSettings
from trainer.synthesis.translators import Images, Translators


class CycleTranslators(Translators):
    """Two generators: CycleGAN (Zhu et al. 2017), and with mutual information SPSNet (paper, section 3.1.2).

    With an edge network every image that a network or the cycle sees has its outlines as a fourth channel
    (preprint, "Synthesis sub-module").
    """

    def __init__(self, settings: SynthesisSettings, edges: EdgeNetwork | None) -> None:
        super().__init__(settings)
        channels = STACK if edges is None else STACK + 1
        sizes = (channels, STACK, settings.width, settings.blocks, settings.detail)
        self.to_ct, self.to_mr = ResNetGenerator(*sizes), ResNetGenerator(*sizes)
        self.edges = None if edges is None else frozen(edges)
        self.bins, self.sampled = settings.bins, settings.sampled
        shares = torch.tensor([1.0] * STACK + [self.weights.edge] * (channels - STACK))
        self.register_buffer("channel_weights", shares, persistent=False)

    def forward(self, mr: Tensor, ct: Tensor, noise: Tensor) -> Images:
        """Real, translated and returned images."""
        real_mr, real_ct = self._seen(mr), self._seen(ct)
        fake_ct, fake_mr = self._seen(self.to_ct(real_mr)), self._seen(self.to_mr(real_ct))
        return {
            "real_mr": real_mr,
            "real_ct": real_ct,
            "fake_ct": fake_ct,
            "fake_mr": fake_mr,
            "back_mr": self._seen(self.to_mr(fake_ct)),
            "back_ct": self._seen(self.to_ct(fake_mr)),
            "sampled": seen_pixels(mr, ct, noise),
        }

    def noise_for(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, sampled) in [0, 1): which of the pixels that show something information is measured at."""
        return torch.rand(count, self.sampled, generator=generator)

    def translate(self, mr: Tensor) -> Tensor:
        """The CT."""
        return self.to_ct(self._seen(mr))  # type: ignore[no-any-return]

    def objective(self, images: Images, ct_scores: Scores, mr_scores: Scores) -> dict[str, Tensor]:
        """Adversarial, cycle, and mutual information where it has a weight."""
        w = self.weights
        shares = self.get_buffer("channel_weights")
        back = [difference(images[f"back_{kind}"], images[f"real_{kind}"], shares) for kind in ("mr", "ct")]
        out = {
            "adversarial": self._adversarial(ct_scores, mr_scores),
            "cycle": w.cycle * (back[0] + back[1]),
        }
        if w.information_to_ct > 0.0 or w.information_to_mr > 0.0:
            out["information"] = -w.information_to_ct * self._shared(images, "real_mr", "fake_ct")
            out["information"] -= w.information_to_mr * self._shared(images, "real_ct", "fake_mr")
        return out

    def _shared(self, images: Images, first: str, second: str) -> Tensor:
        """Of all slices at the drawn pixels: Mattes et al. 2003 sample likewise."""
        at = images["sampled"][:, None].expand(-1, STACK, -1)
        one, other = (images[name][:, :STACK].flatten(2).gather(2, at) for name in (first, second))
        return mutual_information(one, other, self.bins)

    def _seen(self, stack: Tensor) -> Tensor:
        """The stack, and its outlines where there is an edge network."""
        edges = self.edges
        return torch.cat([stack, edges.channel(stack)], dim=1) if isinstance(edges, EdgeNetwork) else stack


def seen_pixels(mr: Tensor, ct: Tensor, shares: Tensor) -> Tensor:
    """Pixels (N, sampled), numbered row by row, where the images reach; `shares` of these in [0, 1).

    Elsewhere both are NOTHING, and agreed upon without any anatomy: most of the information would be there.
    """
    seen = ((mr > NOTHING) | (ct > NOTHING)).any(dim=1).flatten(1)
    counts = seen.cumsum(dim=1)
    wanted = (shares * counts[:, -1:]).long()
    return torch.searchsorted(counts, wanted, right=True).clamp(max=seen.shape[1] - 1)
