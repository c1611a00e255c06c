"""The preprint's edge channel: a network that draws the outlines of bones, in CT and MR alike.

The authors took HED (Xie and Tu 2015), which had been trained on photographs. This one is trained on the
cohort's own CTs, whose outlines the segmenter knows, in random contrasts: dark and bright change places, so
that it draws the same bone in an MR, which nobody has outlined (the idea of SynthSeg, Billot et al. 2023).
"""

from __future__ import annotations

import torch
from monai.networks.nets import BasicUNet
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 8


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
