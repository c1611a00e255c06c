"""Training of the edge network, on CTs whose outlines the segmenter knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from ctsma_node.errors import SettingsError
from trainer.stage import progress
from trainer.synthesis.augment import apply_motion, draw_motion
from trainer.synthesis.batches import Pair, digest_of
from trainer.synthesis.edges import EdgeNetwork
from trainer.synthesis.settings import SynthesisSettings

KNOTS = 7
"""Of the random curve that values go through."""
_BATCH = 8
_RATE = 2e-3


def kept_edges(pairs: list[Pair], settings: SynthesisSettings, path: Path) -> EdgeNetwork | None:
    """The edge network kept at `path`, trained where it is missing; None where the settings ask for none.

    Raises SettingsError where it is of other pairs or settings, or does not say of which.
    """
    if not settings.edges:
        return None
    made_of = {
        "slices": digest_of(pairs),
        "steps": str(settings.edge_steps),
        "seed": str(settings.seed),
    }
    if path.exists():
        return _kept(path, made_of)
    with progress() as bar:
        task = bar.add_task("edges", total=settings.edge_steps, note="")

        def advance(loss: float) -> None:
            bar.update(task, advance=1, note=f"loss {loss:.3f}")

        network = train_edges(pairs, settings.edge_steps, settings.seed, advance)
    part = path.with_suffix(".part")
    save_file(network.state_dict(), part, metadata=made_of)
    part.rename(path)
    return network


def _kept(path: Path, made_of: dict[str, str]) -> EdgeNetwork:
    with safe_open(path, framework="pt") as file:
        if file.metadata() != made_of:
            raise SettingsError(
                f"{path} was trained on other pairs, or by another seed or number of steps: "
                "repeat those, name another --out, or delete the folder"
            )
    network = EdgeNetwork().eval()
    network.load_state_dict(load_file(path))
    return network


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
