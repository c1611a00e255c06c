"""The three systems of the paper's Table 4, built from their settings."""

from __future__ import annotations

from trainer.synthesis.cycle import CycleTranslators
from trainer.synthesis.edges import EdgeNetwork
from trainer.synthesis.munit_system import MUNITTranslators
from trainer.synthesis.networks import Critics
from trainer.synthesis.settings import STACK, Method, SynthesisSettings
from trainer.synthesis.translators import Translators


def build(settings: SynthesisSettings, edges: EdgeNetwork | None = None) -> tuple[Translators, Critics]:
    """A system's translators and critics, untrained, from torch's random numbers.

    `edges` is the trained edge network where the settings ask for one; a fresh one stands in to load weights
    into.
    """
    width = settings.critic_width or settings.width
    if settings.method is Method.MUNIT:
        return MUNITTranslators(settings), Critics(STACK, width, _scales(settings.pixels))
    if settings.edges:
        edges = edges or EdgeNetwork()
    return CycleTranslators(settings, edges), Critics(STACK + int(settings.edges), width)


def _scales(pixels: int) -> int:
    """MUNIT's critic looks at three scales; at fewer where the image is too small for its field."""
    return min(3, max(1, (pixels // 32).bit_length()))
