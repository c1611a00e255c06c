"""Train the finder and the segmenter (paper, Table 3: U-Net, 2.5D, Adam)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from monai.losses import DiceCELoss
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from ctsma_node.analysis.grid import AIR
from ctsma_node.analysis.networks import LABELS, BoneSegmenter, KneeFinder
from trainer.segmentation.augment import contrast, field_augmentation, slice_augmentation, tensors
from trainer.stage import progress

Batch = tuple[Tensor, Tensor]
_CROP = 48
"""Voxels of the finder's training crops along each axis."""


class Slices:
    """Batches of augmented sagittal slices with their neighbours, from volumes held in memory."""

    def __init__(self, paths: list[Path], seed: int, batch: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.augment = slice_augmentation(seed)
        self.batch = batch
        loaded = [np.load(p) for p in paths]
        self.volumes = [(v["hu"], v["labels"]) for v in loaded]

    def __call__(self) -> Batch:
        """Images (N, 3, 160, 160) in HU and labels (N, 1, 160, 160)."""
        images, labels = zip(*(self._one() for _ in range(self.batch)), strict=True)
        return torch.stack(images), torch.stack(labels)

    def _one(self) -> Batch:
        hu, label = self.volumes[int(self.rng.integers(len(self.volumes)))]
        k = int(self.rng.integers(hu.shape[0]))
        neighbours = np.clip([k - 1, k, k + 1][:: int(self.rng.choice([-1, 1]))], 0, hu.shape[0] - 1)
        image = np.pad(hu[neighbours].astype(np.float32), ((0, 0), (5, 5), (5, 5)), mode="edge")
        target = np.pad(label[k][None], ((0, 0), (5, 5), (5, 5)), mode="edge")
        if self.rng.random() < 0.1:
            image, target = self._shorten(image, target)
        image_t, target_t = tensors(self.augment({"image": image, "label": target}))
        return contrast(image_t, self.rng), target_t

    def _shorten(self, image: Any, target: Any) -> tuple[Any, Any]:
        """A field of view that ends within the grid: nothing is seen, nothing is to be labelled."""
        rows = int(self.rng.integers(5, 45))
        cut = slice(0, rows) if self.rng.random() < 0.5 else slice(image.shape[1] - rows, None)
        image, target = image.copy(), target.copy()
        image[:, cut], target[:, cut] = AIR, 0
        return image, target


class Fields:
    """Batches of augmented crops of whole fields of view."""

    def __init__(self, paths: list[Path], seed: int, batch: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.augment = field_augmentation(seed, _CROP)
        self.batch = batch
        loaded = [np.load(p) for p in paths]
        self.volumes = [(v["hu"], v["labels"]) for v in loaded]

    def __call__(self) -> Batch:
        """Images (N, 1, 48, 48, 48) in HU and labels of the same shape."""
        images, labels = zip(*(self._one() for _ in range(self.batch)), strict=True)
        return torch.stack(images), torch.stack(labels)

    def _one(self) -> Batch:
        hu, label = self.volumes[int(self.rng.integers(len(self.volumes)))]
        hu, label = _crop(hu, label, self._corner(hu, label))
        if self.rng.random() < 0.5:
            hu, label = hu[:, :, ::-1], label[:, :, ::-1]
        # Beyond the crop the transform pads with zeros: store air as zero while it works.
        image = hu[None].astype(np.float32) - AIR
        image_t, target_t = tensors(self.augment({"image": image, "label": label[None].copy()}))
        return contrast(image_t + AIR, self.rng), target_t

    def _corner(self, hu: Any, label: Any) -> Any:
        """Two crops of three around bone, the others anywhere."""
        span = np.maximum(np.array(hu.shape) - _CROP, 0)
        bone = np.argwhere(label[::2, ::2, ::2] > 0) * 2
        if len(bone) and self.rng.random() < 0.67:
            at = bone[int(self.rng.integers(len(bone)))] - _CROP // 2 + self.rng.integers(-8, 9, 3)
            return np.clip(at, 0, span)
        return self.rng.integers(0, span + 1)


def _crop(hu: Any, label: Any, corner: Any) -> tuple[Any, Any]:
    window = tuple(slice(c, c + _CROP) for c in corner)
    short = [(0, max(_CROP - n, 0)) for n in hu.shape]
    return np.pad(hu, short, constant_values=int(AIR))[window], np.pad(label, short)[window]


def train_segmenter(
    fabric: Fabric, paths: list[Path], *, width: int, steps: int, seed: int, log: Path
) -> BoneSegmenter:
    """Train the 2.5D segmenter for a number of steps of 12 slices."""
    torch.manual_seed(seed)
    network = BoneSegmenter(width).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    _train(fabric, network, Slices(paths, seed, 12), "bone segmenter", steps, 2e-3, log)
    return network  # type: ignore[no-any-return]


def train_finder(
    fabric: Fabric, paths: list[Path], *, width: int, steps: int, seed: int, log: Path
) -> KneeFinder:
    """Train the 3D finder for a number of steps of 3 crops."""
    torch.manual_seed(seed)
    network = KneeFinder(width)
    _train(fabric, network, Fields(paths, seed, 3), "knee finder", steps, 2e-3, log)
    return network


def _train(
    fabric: Fabric,
    network: nn.Module,
    draw: Callable[[], Batch],
    title: str,
    steps: int,
    rate: float,
    log: Path,
) -> None:
    """Dice and cross-entropy, AdamW, one cosine of the learning rate."""
    loss = DiceCELoss(to_onehot_y=True, softmax=True, include_background=False)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    model, optimiser = fabric.setup(network, optimiser)
    writer, mean = SummaryWriter(str(log)), float("nan")
    model.train()
    with progress() as bar:
        task = bar.add_task(title, total=steps, note="")
        for step in range(steps):
            images, labels = (each.to(fabric.device) for each in draw())
            value = loss(model(images).float(), labels)
            optimiser.zero_grad()
            fabric.backward(value)
            fabric.clip_gradients(model, optimiser, max_norm=5.0)
            optimiser.step()
            schedule.step()
            now = float(value.detach())
            mean = now if step == 0 else 0.98 * mean + 0.02 * now
            writer.add_scalar("loss", now, step)
            bar.update(task, advance=1, note=f"loss {mean:.3f}")
    writer.close()
    network.cpu().eval()


def dice(prediction: Any, truth: Any) -> list[float]:
    """Dice of each label 1..4; 1 where both are empty."""
    values = []
    for label in range(1, LABELS):
        p, t = prediction == label, truth == label
        total = int(p.sum()) + int(t.sum())
        values.append(1.0 if total == 0 else 2.0 * int((p & t).sum()) / total)
    return values
