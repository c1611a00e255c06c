"""The preprint's edge channel: a network that draws the outlines of bones, in CT and MR alike.

The authors took HED (Xie and Tu 2015), which had been trained on photographs. This one is trained on the
cohort's own CTs, whose outlines the segmenter knows, in random contrasts: dark and bright change places, so
that it draws the same bone in an MR, which nobody has outlined (the idea of SynthSeg, Billot et al. 2023).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from monai.networks.nets import BasicUNet
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional

from trainer.synthesis.augment import apply_motion, draw_motion
from trainer.synthesis.batches import Pair

WIDTH = 8
KNOTS = 7
"""Of the random curve that values go through."""
_BATCH = 8
_RATE = 2e-3


class EdgeNetwork(nn.Module):
    """A small U-Net on one slice (N, 1, H, W): (N, 1, H, W) logits of an outline. Any size from 16 pixels."""

    def __init__(self) -> None:
        super().__init__()
        w = WIDTH
        # Instance normalisation takes out brightness and contrast, which differ between CT and MR.
        self.unet = BasicUNet(2, 1, 1, features=(w, w, 2 * w, 4 * w, 4 * w, w), norm=("instance", {}))

    def forward(self, image: Tensor) -> Tensor:
        """Logits."""
        height, width = image.shape[-2:]
        padding = (0, -width % 16, 0, -height % 16)
        logits: Tensor = self.unet(functional.pad(image, padding, mode="replicate"))
        return logits[..., :height, :width]

    def channel(self, stack: Tensor) -> Tensor:
        """The outlines of the middle slice of a stack (N, 3, H, W), in (-1, 1)."""
        return torch.tanh(self(stack[:, 1:2]) / 2.0)


def train_edges(pairs: list[Pair], steps: int, seed: int, advance: Callable[[float], None]) -> EdgeNetwork:
    """Train on the CTs of pairs; `advance` is told the loss of every step. On the CPU: it is small."""
    torch.manual_seed(seed)
    network = EdgeNetwork()
    optimiser = torch.optim.Adam(network.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    rng = np.random.default_rng([seed, 31])
    for _ in range(steps):
        images, wanted = edge_batch(pairs, rng)
        loss = balanced(network(images), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        advance(float(loss.detach()))
    return network.eval()


def edge_batch(pairs: list[Pair], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Slices (N, 1, H, W) of CTs in random contrast, and their outlines (N, 1, H, W) of 0 and 1."""
    slices = []
    for _ in range(_BATCH):
        pair = pairs[int(rng.integers(len(pairs)))]
        k = int(rng.choice(pair.usable()))
        image = contrasted(pair.ct[k].astype(np.float32), rng)
        slices.append(np.stack([image, 2.0 * outlines(pair.labels[k]) - 1.0]))
    # Image and outlines are the two channels here: their order stays.
    motion = replace(draw_motion(_BATCH, rng), reversed_stack=torch.zeros(_BATCH, dtype=torch.bool))
    moved = apply_motion(torch.from_numpy(np.stack(slices)).float(), motion)
    return moved[:, :1], (moved[:, 1:] > 0.0).float()


def balanced(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy in which outlines weigh as much as all the rest (HED, equation 2)."""
    share = wanted.mean().clamp(1e-4, 1.0 - 1e-4)
    weight = torch.where(wanted > 0.5, 0.5 / share, 0.5 / (1.0 - share))
    return functional.binary_cross_entropy_with_logits(logits, wanted, weight=weight)


def outlines(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Pixels [j, i] of a bone that touch what is not that bone."""
    out = np.zeros(labels.shape, dtype=bool)
    for label in range(1, int(labels.max(initial=0)) + 1):
        bone = labels == label
        out |= bone & ~ndimage.binary_erosion(bone)
    return out


def contrasted(image: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """An image in [-1, 1] through a random curve, which need not rise, with noise."""
    curve = rng.uniform(-1.0, 1.0, KNOTS)
    changed = np.interp(image, np.linspace(-1.0, 1.0, KNOTS), curve)
    noise = ndimage.gaussian_filter(rng.normal(size=image.shape), rng.uniform(0.3, 1.0))
    return np.asarray(changed + rng.uniform(0.0, 0.3) * noise)
