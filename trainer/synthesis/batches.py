"""Batches of paired stacks of three slices, each drawn from its step's number alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ctsma_node.errors import SettingsError
from ctsma_node.volume import Array
from trainer.synthesis.augment import apply_motion, draw_motion
from trainer.synthesis.grid import NOTHING
from trainer.synthesis.settings import STACK

F16 = npt.NDArray[np.float16]
_LEAST_SEEN = 0.25
"""Share of a slice that both images must reach for it to be trained on."""


@dataclass(frozen=True, eq=False)
class Pair:
    """`mr` and `ct` [k, j, i] in [-1, 1] on one grid, the CT's `labels`, `affine` to LPS mm."""

    pair_id: str
    fold: int
    mr: F16
    ct: F16
    labels: npt.NDArray[np.uint8]
    affine: Array

    def stack(self, k: int) -> tuple[F16, F16]:
        """Slice k with its neighbours, of both images: (3, j, i)."""
        return self.mr[k - 1 : k + 2], self.ct[k - 1 : k + 2]

    def usable(self) -> list[int]:
        """Slices with enough to see, and a neighbour on each side."""
        seen = (self.ct > NOTHING).mean(axis=(1, 2)) > _LEAST_SEEN
        return [k for k in range(1, len(seen) - 1) if seen[k - 1 : k + 2].all()]


def read_pairs(paths: list[Path]) -> tuple[list[Pair], dict[str, str]]:
    """The pairs of slice items, and why others are none: {pair id: reason}."""
    pairs, refused = [], {}
    for path in paths:
        with np.load(path) as item:
            name = str(item["pair_id"])
            if "code" in item:
                refused[name] = f"{item['code']}: {item['text']}"
                continue
            arrays = (item[key] for key in ("mr", "ct", "labels", "affine"))
            pairs.append(Pair(name, int(item["fold"]), *arrays))
    return pairs, refused


def digest_of(pairs: list[Pair]) -> str:
    """SHA-256 of the images and bones of pairs, in the order of their ids."""
    whole = hashlib.sha256()
    for pair in sorted(pairs, key=lambda each: each.pair_id):
        whole.update(repr((pair.pair_id, pair.mr.shape)).encode())
        for array in (pair.mr, pair.ct, pair.labels):
            whole.update(np.ascontiguousarray(array).data)
    return whole.hexdigest()


class Batches:
    """Draws of a set of pairs. Every random number follows from the seed, the step and the process."""

    def __init__(self, pairs: list[Pair], batch: int, seed: int) -> None:
        self.pairs, self.batch, self.seed = pairs, batch, seed
        self.slices = [(n, k) for n, pair in enumerate(pairs) for k in pair.usable()]
        if not self.slices:
            raise SettingsError("no pair to train on: every one was refused or is of the fold left out")

    @cached_property
    def digest(self) -> str:
        """Of the pairs, as `digest_of`."""
        return digest_of(self.pairs)

    def draw(self, step: int, rank: int = 0) -> tuple[Tensor, Tensor]:
        """MR and CT (N, 3, H, W) of the same slices, moved alike."""
        rng = np.random.default_rng([self.seed, rank, step])
        chosen = [self.slices[n] for n in rng.integers(len(self.slices), size=self.batch)]
        both = [np.concatenate(self.pairs[n].stack(k)) for n, k in chosen]
        motion = draw_motion(self.batch, rng)
        mr, ct = torch.from_numpy(np.stack(both).astype(np.float32)).split(STACK, dim=1)
        return apply_motion(mr, motion), apply_motion(ct, motion)
