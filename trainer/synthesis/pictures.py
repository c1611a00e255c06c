"""Pictures: what TensorBoard shows during training, and CT, sCT by each method and crMR side by side."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from trainer.synthesis.batches import Pair
from trainer.synthesis.grid import F32
from trainer.synthesis.synthesise import Synthesiser
from trainer.synthesis.translators import Translators

matplotlib.use("Agg")

_ROWS = 4


class Log:
    """Scalars and sample pictures of a training for TensorBoard."""

    def __init__(self, folder: Path, first_step: int, pairs: list[Pair]) -> None:
        # What an interrupted run wrote beyond its checkpoint is overwritten.
        self.writer = SummaryWriter(str(folder), purge_step=first_step)
        stacks = [pair.stack(_middle(pair)) for pair in pairs[:_ROWS]]
        self.samples = [torch.from_numpy(np.stack(both).astype(np.float32)) for both in stacks]

    def losses(self, values: dict[str, float], rate: float, step: int) -> None:
        """One point of each curve."""
        for name, value in values.items():
            self.writer.add_scalar(f"loss/{name}", value, step)
        self.writer.add_scalar("learning rate", rate, step)

    @torch.no_grad()
    def pictures(self, translators: Translators, device: torch.device, step: int) -> None:
        """Rows of crMR, sCT and CT of slices that are not trained on."""
        if not self.samples:
            return
        rows = [
            torch.cat([mr[1], translators.translate(mr[None].to(device))[0, 1].float().cpu(), ct[1]], dim=1)
            for mr, ct in self.samples
        ]
        self.writer.add_image("crMR, sCT, CT", _grey(torch.cat(rows)), step)

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()


def comparison(pairs: list[Pair], synthesisers: dict[str, Synthesiser], path: Path) -> None:
    """A row for each pair: CT, sCT of each method by name, crMR (the order of the paper's Figure 5)."""
    names = ["CT", *(f"sCT, {name}" for name in synthesisers), "crMR"]
    shown = pairs[:_ROWS]
    figure = Figure(figsize=(2.4 * len(names), 2.5 * len(shown)), dpi=110)
    axes = figure.subplots(len(shown), len(names), squeeze=False)
    for row, pair in zip(axes, shown, strict=True):
        k = _middle(pair)
        images = [pair.ct[k], *(_made(each, pair, k) for each in synthesisers.values()), pair.mr[k]]
        for axis, image, name in zip(row, images, names, strict=True):
            axis.imshow(image.astype(np.float32), cmap="gray", vmin=-1.0, vmax=1.0)
            axis.set_axis_off()
            axis.set_title(name if pair is shown[0] else "", fontsize=9)
        row[0].text(0.02, 0.03, pair.pair_id, transform=row[0].transAxes, color="white", fontsize=7)
    figure.subplots_adjust(
        left=0.0, right=1.0, top=1.0 - 0.08 / len(shown), bottom=0.0, wspace=0.02, hspace=0.02
    )
    figure.savefig(path)


def _made(synthesiser: Synthesiser, pair: Pair, k: int) -> F32:
    """The sCT's slice k, by the five slices that it follows from."""
    low = max(k - 2, 0)
    return np.asarray(synthesiser.scaled(pair.mr[low : k + 3].astype(np.float32))[k - low])


def _middle(pair: Pair) -> int:
    """A slice with a condyle in it: a third of the way through what can be used."""
    usable = pair.usable()
    return usable[len(usable) // 3]


def _grey(image: Tensor) -> Tensor:
    """[-1, 1] (H, W) to (1, H, W) in [0, 1]."""
    return ((image + 1.0) / 2.0).clamp(0.0, 1.0)[None]
