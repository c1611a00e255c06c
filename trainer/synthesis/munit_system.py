"""MUNIT: what goes through which coder, and its losses."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.synthesis.losses import Scores, difference
from trainer.synthesis.munit import STYLE, ImageCoder
from trainer.synthesis.settings import STACK, SynthesisSettings
from trainer.synthesis.translators import Images, Translators


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
