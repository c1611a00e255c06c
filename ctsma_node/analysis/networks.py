"""The networks that are trained once and run on every knee.

The U-Nets are MONAI's; what is written here is how a knee is put into them. Shapes follow torch: (N, C, ...).
"""

from __future__ import annotations

import torch
from monai.networks.nets import BasicUNet
from torch import Tensor, nn

from ctsma_node.analysis.features import FEATURES, patch_features
from ctsma_node.analysis.patches import CONTEXT
from ctsma_node.analysis.result import CartilageRegion, OAClass, Parameter

KERNEL = 0.25 / (len(FEATURES) + len(CONTEXT))
"""How fast two patches become strangers by the squared distance of their statistics."""
LABELS = 5
"""0 none, 1 femur, 2 tibia, 3 patella, 4 fibula."""
_FARTHEST = 4.0
"""Standard deviations of a texture statistic."""
_HU_LOW, _HU_HIGH, _HU_SCALE = -400.0, 1600.0, 500.0


def normalise_hu(hu: Tensor) -> Tensor:
    """HU clipped to [-400, 1600] and scaled so that soft tissue is near 0 and cortex near 2."""
    return hu.clamp(_HU_LOW, _HU_HIGH) / _HU_SCALE


class KneeFinder(nn.Module):
    """3D U-Net on the whole field of view at 4 mm: (N, 1, z, y, x) HU -> (N, 5, z, y, x) logits.

    Sizes must be multiples of 16.
    """

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        w = width
        self.unet = BasicUNet(
            spatial_dims=3,
            in_channels=1,
            out_channels=LABELS,
            features=(w, w, 2 * w, 4 * w, 8 * w, w),
            norm=("batch", {"affine": True}),
        )

    def forward(self, hu: Tensor) -> Tensor:
        """Logits of the five labels at every voxel."""
        return self.unet(normalise_hu(hu))  # type: ignore[no-any-return]


class BoneSegmenter(nn.Module):
    """2.5D U-Net on sagittal slices: (N, 3, j, i) HU of a slice and its neighbours -> (N, 5, j, i) logits.

    Pixels are folded 2 x 2 into channels before the U-Net and unfolded after it: half the resolution's
    cost, the full resolution's information (paper, Table 3: U-Net, 2.5D). Sizes must be multiples of 32.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        w = width
        self.fold = nn.PixelUnshuffle(2)
        self.unfold = nn.PixelShuffle(2)
        self.unet = BasicUNet(
            spatial_dims=2,
            in_channels=3 * 4,
            out_channels=LABELS * 4,
            features=(w, w, 2 * w, 4 * w, 4 * w, w),
            norm=("batch", {"affine": True}),
        )

    def forward(self, slices: Tensor) -> Tensor:
        """Logits of the five labels at every pixel of the middle slice."""
        return self.unfold(self.unet(self.fold(normalise_hu(slices))))  # type: ignore[no-any-return]


class KernelRidge(nn.Module):
    """Smooth functions of texture statistics: (N, F) -> (N, 4), a sum of Gaussians around landmarks.

    Solved in closed form (`trainer.distillation.kernel`); what it misses is left to convolutions.
    """

    centres: Tensor
    weights: Tensor
    bias: Tensor

    def __init__(self, features: int, landmarks: int) -> None:
        super().__init__()
        self.register_buffer("centres", torch.zeros(landmarks, features))
        self.register_buffer("weights", torch.zeros(landmarks, len(Parameter)))
        self.register_buffer("bias", torch.zeros(len(Parameter)))

    def near(self, f: Tensor) -> Tensor:
        """Of each row of `f` to each landmark: (N, landmarks), 1 at the landmark itself; double precision."""
        return torch.exp(-KERNEL * torch.cdist(f.double(), self.centres.double()).square())

    def forward(self, f: Tensor) -> Tensor:
        """The sum; in double precision, for its terms cancel."""
        with torch.autocast(f.device.type, enabled=False):
            return (self.near(f) @ self.weights.double()).float() + self.bias


class Student(nn.Module):
    """CT patch -> the four parameters with their uncertainty.

    A kernel ridge on masked texture statistics gives most of the mean of each standardised log parameter; a
    3D convolutional trunk beside the same statistics adds what they do not say, and the log-variance.

    Inputs: hu (N, 12, 12, 12), mask (N, 12, 12, 12) in {0, 1}, context (N, C). Output: mean, log-variance,
    each (N, 4) in the order of `Parameter`.
    """

    feature_mean: Tensor
    feature_sd: Tensor

    def __init__(self, context: int, width: int, landmarks: int, dropout: float = 0.1) -> None:
        super().__init__()
        w = width
        n = len(FEATURES) + context
        self.register_buffer("feature_mean", torch.zeros(n))
        self.register_buffer("feature_sd", torch.ones(n))
        self.trunk = nn.Sequential(
            convolutions(2, w, stride=1),
            convolutions(w, 2 * w, stride=2),
            convolutions(2 * w, 4 * w, stride=2),
        )
        self.kernel = KernelRidge(n, landmarks)
        self.head = nn.Sequential(
            nn.Linear(n + 4 * w, 64), nn.GELU(), nn.Dropout(dropout), nn.Linear(64, 2 * len(Parameter))
        )

    def features(self, hu: Tensor, mask: Tensor, context: Tensor) -> Tensor:
        """Texture statistics and context: (N, F)."""
        return torch.cat([patch_features(hu, mask), context], dim=1)

    def standardised(self, features: Tensor) -> Tensor:
        """By the training patches, and not far outside of what they showed."""
        return ((features - self.feature_mean) / self.feature_sd).clamp(-_FARTHEST, _FARTHEST)

    def forward(
        self, hu: Tensor, mask: Tensor, context: Tensor, maps: list[Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the standardised log parameters; what the trunk sees goes into `maps`."""
        f = self.standardised(self.features(hu, mask, context))
        x = torch.stack([(hu.clamp(-400.0, 2000.0) - 250.0) / 250.0 * mask, mask], dim=1)
        for depth in self.trunk:
            x = depth(x)
            if maps is not None:
                maps.append(x)
        mean, log_variance = self.head(torch.cat([f, x.mean(dim=(2, 3, 4))], dim=1)).chunk(2, dim=1)
        return self.kernel(f) + mean, log_variance.clamp(-8.0, 3.0)


def convolutions(inputs: int, outputs: int, stride: int) -> nn.Module:
    """One depth of a trunk: two 3 x 3 x 3 convolutions, the first with the stride."""
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm3d(outputs),
        nn.GELU(),
        nn.Conv3d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm3d(outputs),
        nn.GELU(),
    )


class Aggregator(nn.Module):
    """Subregions of a knee -> class and cartilage scores (paper, section 3.3).

    Tokens are (N, 200, 4) standardised log parameters with positions (N, 200, 3) in the knee's own
    coordinates; two transformer layers, mean pooling, linear heads. Output: class logits (N, 3) and
    standardised cartilage scores (N, 5).
    """

    def __init__(self, width: int = 48, heads: int = 4, layers: int = 2, dropout: float = 0.2) -> None:
        super().__init__()
        self.frequencies = 4
        self.embed = nn.Linear(len(Parameter) + 3 * (1 + 2 * self.frequencies), width)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        for each in self.encoder.layers:
            each.self_attn.dropout = (
                0.0  # weights that are dropped must be written out: half of a step's time
            )
        self.norm = nn.LayerNorm(width)
        self.classes = nn.Linear(width, len(OAClass))
        self.cartilage = nn.Linear(width, len(CartilageRegion))

    def forward(self, parameters: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits and standardised cartilage scores."""
        tokens = self.embed(torch.cat([parameters, self._encode(positions)], dim=2))
        pooled = self.norm(self.encoder(tokens)).mean(dim=1)
        return self.classes(pooled), self.cartilage(pooled)

    def _encode(self, positions: Tensor) -> Tensor:
        """Positions with their sines and cosines at octaves of half a period per unit."""
        scales = torch.pi * 2.0 ** torch.arange(self.frequencies, device=positions.device)
        angles = (positions[..., None] * scales).flatten(2)
        return torch.cat([positions, angles.sin(), angles.cos()], dim=2)
