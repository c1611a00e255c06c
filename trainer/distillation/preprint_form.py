"""The preprint's networks: a 2D ResNet-50 whose channels are a patch's slices and those of its mask."""

from __future__ import annotations

import torch
from monai.networks.nets.resnet import ResNet, ResNetBottleneck
from torch import Tensor
from torch.nn import functional

from ctsma_node.analysis.patches import PATCH
from trainer.distillation.cohort_patches import Batch
from trainer.distillation.networks import Answer, Head, Regressor
from trainer.patches.mr_patches import SHAPE

_RESNET50 = [3, 4, 6, 3]


class SliceNetwork(Regressor):
    """`width` is the ResNet's first (64 as published)."""

    def __init__(self, slices: int, width: int, dropout: float) -> None:
        super().__init__()
        planes = [width, 2 * width, 4 * width, 8 * width]
        self.channels = tuple(4 * p for p in planes)
        self.resnet = ResNet(
            ResNetBottleneck, _RESNET50, planes, spatial_dims=2, n_input_channels=2 * slices, conv1_t_stride=1
        )
        self.head = Head(4 * planes[-1], dropout)

    def seen(self, image: Tensor, mask: Tensor) -> Answer:
        """Of slices (N, k, j, i), enlarged to 48 pixels a side; maps with one sample along k."""
        x = functional.interpolate(torch.cat([image * mask, mask], dim=1), size=SHAPE[1:])
        r = self.resnet
        x = r.maxpool(r.act(r.bn1(r.conv1(x))))
        maps = []
        for stage in (r.layer1, r.layer2, r.layer3, r.layer4):
            x = stage(x)
            maps.append(x[:, :, None])
        mean, log_variance = self.head(x.mean(dim=(2, 3)))
        return Answer(mean, log_variance, maps)


class PreprintTeacher(SliceNetwork):
    """Sixteen slices of the MR."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(SHAPE[0], width, dropout)

    def forward(self, batch: Batch) -> Answer:
        """The MR in log2."""
        return self.seen(torch.log2(batch.mr.clamp(min=2.0**-5)) / 2.0, batch.mr_mask)


class PreprintStudent(SliceNetwork):
    """Twelve slices of the CT."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(PATCH, width, dropout)

    def forward(self, batch: Batch) -> Answer:
        """HU around those of trabecular bone."""
        return self.seen((batch.ct.clamp(-400.0, 2000.0) - 250.0) / 250.0, batch.ct_mask)
