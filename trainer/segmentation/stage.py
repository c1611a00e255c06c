"""The stage `segmenter`: volumes, then the finder and the segmenter trained on them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from ctsma_node.analysis.bones import segment
from ctsma_node.analysis.grid import SIZE
from trainer.fabric import launched
from trainer.segmentation.training import dice, train_finder, train_segmenter
from trainer.segmentation.volumes import bone_volume, field_of_view
from trainer.stage import make_items, write_manifest

FINDER, SEGMENTER = "finder.safetensors", "segmenter.safetensors"


@dataclass(frozen=True)
class SegmenterSettings:
    """Sizes, lengths and seeds; phantom seeds of training start at `first_seed`."""

    knees: int = 112
    fields: int = 120
    held_out: int = 12
    finder_width: int = 8
    segmenter_width: int = 24
    finder_steps: int = 900
    segmenter_steps: int = 1800
    first_seed: int = 100_000
    seed: int = 1
    precision: str = "auto"
    """A key of trainer.fabric.PRECISIONS."""
    jobs: int = 2


def run(folder: Path, settings: SegmenterSettings) -> dict[str, float]:
    """Train both networks into `folder`; returns the Dice of held-out knees on the analysis grid."""
    seeds = range(settings.first_seed, settings.first_seed + settings.knees)
    bones = make_items("knee volumes", bone_volume, seeds, folder / "bones", settings.jobs)
    seeds = range(settings.first_seed, settings.first_seed + settings.fields)
    fields = make_items("fields of view", field_of_view, seeds, folder / "fields", settings.jobs)
    torch.set_num_threads(settings.jobs)
    fabric = launched(settings.precision)
    finder = train_finder(
        fabric,
        fields,
        width=settings.finder_width,
        steps=settings.finder_steps,
        seed=settings.seed,
        log=folder / "log" / "finder",
    )
    save_file(finder.state_dict(), folder / FINDER)
    segmenter = train_segmenter(
        fabric,
        bones[settings.held_out :],
        width=settings.segmenter_width,
        steps=settings.segmenter_steps,
        seed=settings.seed,
        log=folder / "log" / "segmenter",
    )
    save_file({k: v.contiguous() for k, v in segmenter.state_dict().items()}, folder / SEGMENTER)
    figures = _held_out(bones[: settings.held_out], segmenter)
    write_manifest(folder, asdict(settings) | {"figures": figures})
    return figures


def _held_out(paths: list[Path], segmenter: torch.nn.Module) -> dict[str, float]:
    rows = []
    for path in paths:
        with np.load(path) as item:
            hu = item["hu"].astype(np.float32)
            if hu.shape != SIZE[::-1]:
                raise ValueError(f"{path} is not on the analysis grid")
            rows.append(dice(segment(hu, segmenter, torch.device("cpu")), item["labels"]))  # type: ignore[arg-type]
    means, least = np.mean(rows, axis=0), np.min(rows, axis=0)
    return {
        "dice_femur": float(means[0]),
        "dice_tibia": float(means[1]),
        "dice_patella": float(means[2]),
        "dice_fibula": float(means[3]),
        "least_dice_femur": float(least[0]),
        "least_dice_tibia": float(least[1]),
    }
