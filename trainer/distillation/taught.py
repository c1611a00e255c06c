"""What a teacher says of every patch of a cohort, asked once: a student's steps only look it up.

A teacher does not change while it teaches. Asked anew at each step it costs more than the student itself.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from trainer.distillation.cohort_patches import CohortPatches, batch_of, each_pair
from trainer.distillation.losses import matched
from trainer.distillation.networks import Answer, Regressor
from trainer.distillation.scale import Scale

FOLDER = "taught"
"""Below the teacher's folder: what its networks have said."""
_CHUNK = 256
_MOST_BYTES = 2**30
"""What is larger is asked anew by every run: the paper's networks are as wide as that, and run on GPUs."""


@dataclass(frozen=True, eq=False)
class Taught:
    """`mean` (n, 4) standardised; `maps` by depth, each (n, C, 3, 3, 3), float16, as `losses.matched`.

    Of the first n patches of a cohort, its pairs'; what comes after them has no MR to be asked about.
    """

    mean: Tensor
    maps: list[Tensor]

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def channels(self) -> tuple[int, ...]:
        """Of the maps."""
        return tuple(each.shape[1] for each in self.maps)

    def rescaled(self, theirs: Scale, ours: Scale) -> Taught:
        """The answers in the student's scale: its labels may be of other patients than the teacher's."""
        logs = self.mean.float() * theirs.sd + theirs.mean
        return replace(self, mean=(logs - ours.mean) / ours.sd)

    def answer(self, rows: Tensor, flipped: list[int], device: torch.device) -> Answer:
        """The teacher's answer to some patches that are mirrored along spatial axes (0 k, 1 j, 2 i).

        The maps are mirrored, not asked for again: what a mirrored patch shows is mirrored.
        """
        axes = [axis + 2 for axis in flipped]
        maps = [each[rows].float().flip(axes).to(device) for each in self.maps]
        mean = self.mean[rows].float().to(device)
        return Answer(mean, torch.zeros_like(mean), maps)


def taught_of(network: Regressor, kept: Path, patches: CohortPatches, device: torch.device) -> Taught:
    """What the teacher `network`, read from the file `kept`, says of the patches (in their order).

    Kept beside it, and asked anew where network or patches have changed since.
    """
    path = kept.parent / FOLDER / kept.name
    made_of = {"network": hashlib.sha256(kept.read_bytes()).hexdigest(), "patches": patches.digest}
    found = _read(path, made_of)
    if found is None:
        found = _asked(network, patches, device)
        if sum(each.nbytes for each in (found.mean, *found.maps)) <= _MOST_BYTES:
            _write(path, found, made_of)
    return found


def _read(path: Path, made_of: dict[str, str]) -> Taught | None:
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            if file.metadata() != made_of:
                return None
            depths = sorted(name for name in file.keys() if name.startswith("map"))  # noqa: SIM118
            return Taught(file.get_tensor("mean"), [file.get_tensor(name) for name in depths])
    except SafetensorError:
        return None


def _write(path: Path, taught: Taught, made_of: dict[str, str]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    maps = {f"map{number}": each for number, each in enumerate(taught.maps)}
    save_file({"mean": taught.mean, **maps}, part, metadata=made_of)
    part.replace(path)


@torch.no_grad()
def _asked(network: Regressor, patches: CohortPatches, device: torch.device) -> Taught:
    means, depths = [], [list[Tensor]() for _ in network.channels]
    for pair in each_pair(patches):
        for rows in torch.arange(len(pair)).split(_CHUNK):
            answer = network(batch_of(pair, rows, device))
            means.append(answer.mean.float().cpu())
            for depth, maps in zip(depths, answer.maps, strict=True):
                depth.append(matched(maps).half().cpu())
    return Taught(torch.cat(means), [torch.cat(depth) for depth in depths])
