"""The three systems of Table 4: what goes through which network, and the losses of what comes out.

A system's forward pass gives every image that its losses look at, so that one call, one backward pass and one
exchange between GPUs make a step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from trainer.synthesis.edges import EdgeNetwork
from trainer.synthesis.information import mutual_information
from trainer.synthesis.losses import Scores, difference, seems_real
from trainer.synthesis.munit import STYLE, ImageCoder
from trainer.synthesis.networks import Critics, ResNetGenerator, frozen
from trainer.synthesis.settings import STACK, Method, SynthesisSettings

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


class CycleTranslators(Translators):
    """Two generators: CycleGAN (Zhu et al. 2017), and with mutual information SPSNet (paper, section 3.1.2).

    With an edge network every image that a network or the cycle sees has its outlines as a fourth channel
    (preprint, "Synthesis sub-module").
    """

    def __init__(self, settings: SynthesisSettings, edges: EdgeNetwork | None) -> None:
        super().__init__(settings)
        channels = STACK if edges is None else STACK + 1
        self.to_ct = ResNetGenerator(channels, STACK, settings.width, settings.blocks)
        self.to_mr = ResNetGenerator(channels, STACK, settings.width, settings.blocks)
        self.edges = None if edges is None else frozen(edges)
        self.bins, self.sampled, self.area = settings.bins, settings.sampled, settings.pixels**2
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
            "sampled": noise,
        }

    def noise_for(self, count: int, generator: torch.Generator) -> Tensor:
        """Pixels (count, sampled), numbered row by row, at which mutual information is measured."""
        return torch.randint(self.area, (count, self.sampled), generator=generator)

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


class MUNITTranslators(Translators):
    """Content of one image decoded with a style of the other kind (Huang et al. 2018)."""

    def __init__(self, settings: SynthesisSettings) -> None:
        super().__init__(settings)
        self.ct = ImageCoder(STACK, settings.width)
        self.mr = ImageCoder(STACK, settings.width)

    def forward(self, mr: Tensor, ct: Tensor, noise: Tensor) -> Images:
        """Images by name, and the codes that the losses compare."""
        mr_content, mr_style = self.mr.encode(mr)
        ct_content, ct_style = self.ct.encode(ct)
        drawn_ct, drawn_mr = noise[:, 0], noise[:, 1]
        fake_ct, fake_mr = self.ct.decode(mr_content, drawn_ct), self.mr.decode(ct_content, drawn_mr)
        read_mr_content, read_ct_style = self.ct.encode(fake_ct)
        read_ct_content, read_mr_style = self.mr.encode(fake_mr)
        return {
            "real_mr": mr,
            "real_ct": ct,
            "fake_ct": fake_ct,
            "fake_mr": fake_mr,
            "same_mr": self.mr.decode(mr_content, mr_style),
            "same_ct": self.ct.decode(ct_content, ct_style),
            "content": torch.cat([mr_content, ct_content]),
            "read_content": torch.cat([read_mr_content, read_ct_content]),
            "style": torch.cat([drawn_ct, drawn_mr]),
            "read_style": torch.cat([read_ct_style, read_mr_style]),
        }

    def noise_for(self, count: int, generator: torch.Generator) -> Tensor:
        """Styles (count, 2, 8) of a CT and of an MR, from their prior."""
        return torch.randn(count, 2, STYLE, generator=generator)

    def translate(self, mr: Tensor) -> Tensor:
        """The CT in the middle of the styles."""
        content = self.mr.content(mr)
        return self.ct.decode(content, content.new_zeros(len(mr), STYLE))

    def objective(self, images: Images, ct_scores: Scores, mr_scores: Scores) -> dict[str, Tensor]:
        """Adversarial, and the reconstructions of images, contents and styles."""
        w = self.weights
        same = [difference(images[f"same_{kind}"], images[f"real_{kind}"]) for kind in ("mr", "ct")]
        return {
            "adversarial": self._adversarial(ct_scores, mr_scores),
            "image": w.image * (same[0] + same[1]),
            "content": 2.0 * w.content * difference(images["read_content"], images["content"]),
            "style": 2.0 * w.style * difference(images["read_style"], images["style"]),
        }


def build(settings: SynthesisSettings, edges: EdgeNetwork | None = None) -> tuple[Translators, Critics]:
    """A system's translators and critics, untrained, from torch's random numbers.

    `edges` is the trained edge network where the settings ask for one; a fresh one stands in to load weights
    into.
    """
    if settings.method is Method.MUNIT:
        return MUNITTranslators(settings), Critics(STACK, settings.width, _scales(settings.pixels))
    if settings.edges:
        edges = edges or EdgeNetwork()
    return CycleTranslators(settings, edges), Critics(STACK + int(settings.edges), settings.width)


def _scales(pixels: int) -> int:
    """MUNIT's critic looks at three scales; at fewer where the image is too small for its field."""
    return min(3, max(1, (pixels // 32).bit_length()))
