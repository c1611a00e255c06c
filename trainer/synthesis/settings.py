"""What a synthesis is trained with: method, sizes, weights of the losses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from trainer.fabric import PRECISIONS

STACK = 3
"""Slices in and out: a slice between its neighbours (2.5D; paper, Table 3)."""


INFORMATION = 0.5
"""SPSNet's weight of the mutual information of an MR and its CT."""


class Method(StrEnum):
    """The columns of the paper's Table 4, upper half."""

    SPSNET = "spsnet"
    CYCLEGAN = "cyclegan"
    MUNIT = "munit"


@dataclass(frozen=True)
class Weights:
    """Weights of the losses; 0 leaves a loss out. Which of them a method has, its system says.

    The paper prints no values, only that the cycle weighs more than the rest (section 3.1.2).
    """

    adversarial: float = 1.0
    """Least squares (LSGAN)."""
    cycle: float = 10.0
    """L1 of an image and what comes back; Zhu et al. 2017: 10."""
    information_to_ct: float = 0.0
    """Mutual information (nats) of an MR and its CT. SPSNet: INFORMATION."""
    information_to_mr: float = 0.0
    """Of a CT and its MR. SPSNet: a seventh of the other direction's, as in the authors' code."""
    paired: float = 10.0
    """L1 of a translated image and the pair's other one, at the first of `paired_steps`."""
    edge: float = 2.0
    """The edge channel in the cycle, where each slice has 1 (the preprint's variant, the authors' code)."""
    image: float = 10.0
    """L1 of an image and its own reconstruction (MUNIT, Huang et al. 2018: 10)."""
    content: float = 1.0
    """L1 of a content code and what is read off its translation (MUNIT: 1)."""
    style: float = 1.0
    """L1 of a drawn style and what is read off the translation (MUNIT: 1)."""


@dataclass(frozen=True)
class SynthesisSettings:
    """Sizes and lengths; two runs with equal settings on equal slices give equal weights on one CPU."""

    method: Method
    width: int
    """Channels of a generator's first layer, and of a critic's."""
    blocks: int
    """Residual blocks of a generator; MUNIT has the four of its publication."""
    pixels: int
    """Of a slice, along both axes: a multiple of 4."""
    batch: int
    """Pairs in a step, of each process."""
    steps: int
    rate: float = 2e-4
    """Adam (paper, Table 3; MUNIT's publication: 1e-4); linearly to 0 over the second half of the steps."""
    weights: Weights = field(default_factory=Weights)
    paired_steps: int = 0
    """Steps over which the weight of the paired difference falls to 0; not as published.

    Pairs are only coarsely aligned, so what is learned of them is blurred; but a training too short for its
    critics to find out which edge is the cortex gets that from here.
    """
    critic_width: int = 0
    """Channels of a critic's first layer; 0 for as many as the generators'."""
    detail: bool = False
    """A path at full resolution through the residual generators; not as published.

    Tried for 240 steps of 64 x 64 pixels on 17 drawn pairs: more of the MR is kept (1.06 nats instead of
    0.95), and the values are further from a CT's (84 HU instead of 61).
    """
    edges: bool = False
    """The preprint's edge channel."""
    edge_steps: int = 600
    bins: int = 32
    """Of the mutual information."""
    sampled: int = 8192
    """Pixels of each slice, drawn anew in every step, that the mutual information is measured at."""
    pool: int = 50
    """Translated images that a critic also sees later (Shrivastava et al. 2017)."""
    held_out: tuple[int, ...] = (0,)
    """Folds that are not trained on."""
    precision: str = "auto"
    """Of the networks, a key of PRECISIONS."""
    seed: int = 1

    def __post_init__(self) -> None:
        if self.pixels % 4 or self.pixels < 16:
            raise ValueError(f"pixels must be a multiple of 4 and at least 16, not {self.pixels}")
        if min(self.width, self.blocks, self.batch, self.steps) < 1:
            raise ValueError("width, blocks, batch and steps must be at least 1")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {self.precision}")
        if self.edges and self.method is Method.MUNIT:
            raise ValueError("the edge channel is SPSNet's and CycleGAN's: MUNIT is built as published")
        if self.detail and self.method is Method.MUNIT:
            raise ValueError("the path for details is SPSNet's and CycleGAN's: MUNIT is built as published")


_SIZES: dict[str, dict[str, Any]] = {
    # A quarter of an hour on one CPU core. Without the paired start the cortex is drawn around the fat pads
    # as often as around the bones after as many steps.
    "quick": {
        "width": 16,
        "blocks": 6,
        "pixels": 96,
        "batch": 2,
        "steps": 4000,
        "rate": 4e-4,
        "critic_width": 32,
        "paired_steps": 1000,
        "sampled": 4096,
        "edge_steps": 400,
    },
    # The paper's: 100 epochs of 64 pairs of 88 stacks in batches of 4.
    "full": {"width": 64, "blocks": 9, "pixels": 320, "batch": 4, "steps": 140_800},
}
PRESETS = tuple(_SIZES)


def information_weights(to_ct: float) -> Weights:
    """SPSNet's weights, of which only this one is free."""
    return Weights(information_to_ct=to_ct, information_to_mr=to_ct / 7.0)


def preset(name: str, method: Method) -> SynthesisSettings:
    """The settings of a preset. Raises KeyError for one that is none of PRESETS."""
    settings = SynthesisSettings(method=method, **_SIZES[name])
    if method is Method.SPSNET:
        return replace(settings, weights=information_weights(INFORMATION))
    return replace(settings, rate=settings.rate / 2.0) if method is Method.MUNIT else settings
