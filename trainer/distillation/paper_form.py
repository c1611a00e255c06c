"""The paper's networks (section 3.2, and what the authors' code adds): residual 3D blocks, a 3D ResNet-50.

The student enlarges its CT patch four times by transposed convolutions, so that its maps have the teacher's
sizes: both see 48 samples a side (16 along the MR's slices, to which the CT's are pooled).
"""

from __future__ import annotations

import torch
from monai.networks.nets.resnet import ResNet, ResNetBottleneck
from torch import Tensor, nn
from torch.nn import functional

from trainer.distillation.cohort_patches import Batch
from trainer.distillation.networks import Answer, Head, Regressor

_RESNET50 = [3, 4, 6, 3]
_SHALLOW = 16
"""Channels of the residual blocks before the ResNet."""


class ResidualBlock3d(nn.Module):
    """Two 3 x 3 x 3 convolutions beside the identity."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm3d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv3d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm3d(outputs),
        )
        self.beside = nn.Conv3d(inputs, outputs, 1, bias=False) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Same size."""
        return functional.relu(self.body(x) + self.beside(x))


class Trunk(nn.Module):
    """Two residual blocks and a 3D ResNet-50 of `width` (64 as published): maps of its four stages."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        planes = [width, 2 * width, 4 * width, 8 * width]
        self.channels = (_SHALLOW, *(4 * p for p in planes))
        self.shallow = nn.Sequential(ResidualBlock3d(2, _SHALLOW), ResidualBlock3d(_SHALLOW, _SHALLOW))
        self.resnet = ResNet(
            ResNetBottleneck, _RESNET50, planes, n_input_channels=_SHALLOW, conv1_t_stride=(1, 2, 2)
        )
        self.head = Head(4 * planes[-1], dropout)

    def forward(self, x: Tensor) -> Answer:
        """Of an image and its mask (N, 2, k, j, i)."""
        r = self.resnet
        maps = [self.shallow(x)]
        x = r.maxpool(r.act(r.bn1(r.conv1(maps[0]))))
        for stage in (r.layer1, r.layer2, r.layer3, r.layer4):
            x = stage(x)
            maps.append(x)
        mean, log_variance = self.head(x.mean(dim=(2, 3, 4)))
        return Answer(mean, log_variance, maps)


class PaperTeacher(Regressor):
    """The MR in log2, as the authors scale it."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.trunk = Trunk(width, dropout)
        self.channels = self.trunk.channels

    def forward(self, batch: Batch) -> Answer:
        """Of 16 x 48 x 48 samples."""
        image = torch.log2(batch.mr.clamp(min=2.0**-5)) / 2.0 * batch.mr_mask
        return self.trunk(torch.stack([image, batch.mr_mask], dim=1))  # type: ignore[no-any-return]


class PaperStudent(Regressor):
    """Two transposed convolutions, then the teacher's trunk."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.enlarge = nn.Sequential(
            nn.ConvTranspose3d(2, _SHALLOW, (3, 4, 4), stride=(1, 2, 2), padding=1),
            nn.ReLU(inplace=True),
            nn.ConvTranspose3d(_SHALLOW, 2, (3, 4, 4), stride=(1, 2, 2), padding=1),
        )
        self.trunk = Trunk(width, dropout)
        self.channels = self.trunk.channels

    def forward(self, batch: Batch) -> Answer:
        """Of 12 x 12 x 12 voxels, enlarged to 12 x 48 x 48."""
        hu = (batch.ct.clamp(-400.0, 2000.0) - 250.0) / 250.0 * batch.ct_mask
        x = self.enlarge(torch.stack([hu, batch.ct_mask], dim=1))
        return self.trunk(x)  # type: ignore[no-any-return]
