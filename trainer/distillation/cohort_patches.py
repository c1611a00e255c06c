"""The labelled patches of a cohort in memory: what teacher and students are trained on and judged by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ctsma_node.analysis.features import KNEE_CONTEXT, knee_means
from ctsma_node.analysis.patches import CONTEXT, PATCH
from ctsma_node.errors import SettingsError
from trainer.evaluation.regression.predictions import labelled
from trainer.patches.protocols import PROTOCOLS
from trainer.patches.store import STORE, PatchStore, store_below

MOST_SIGNAL = 2.0
"""Of marrow's: fluid beside a bone is brighter, and no trabecula."""


@dataclass(frozen=True, eq=False)
class CohortPatches:
    """n patches; tensors unless said otherwise. Axes of images are k, j, i of the canonical grid.

    `ct` (n, 12, 12, 12) HU, `ct_mask` bool; `mr` (n, 16, 48, 48) over marrow's signal, `mr_mask`, both
    empty where they were not asked for; `context` (n, C); `label` (n, 4) as `Parameter`, finite; `fold`,
    `bone`, `subregion`, `row` (n,); `pair` (n,) numbers into `pairs`. `others` (n, V, 12, 12, 12): the CT as
    other protocols would show it, `other_contexts` (n, V, C) theirs; V is 0 where the store has none.
    `native` (n, 36, 36, 36) is the CT at its own resolution, empty where it was not asked for.

    The first `paired` patches are of pairs; those after are of scans without MR, which other protocols were
    not made for: `others` and `other_contexts` have `paired` rows.
    """

    ct: Tensor
    ct_mask: Tensor
    mr: Tensor
    mr_mask: Tensor
    context: Tensor
    others: Tensor
    other_contexts: Tensor
    native: Tensor
    label: Tensor
    fold: Tensor
    bone: Tensor
    subregion: Tensor
    row: Tensor
    pair: Tensor
    pairs: tuple[str, ...]
    paired: int
    folder: Path
    """Where they were read from."""
    scans: int = 0
    """How many of `pairs` are scans without MR; they come last."""

    def __len__(self) -> int:
        return len(self.label)

    @property
    def judged_by(self) -> range:
        """Numbers of the protocols that are the same for every CT: those that robustness is measured by."""
        return range(min(self.others.shape[1], len(PROTOCOLS)))

    @property
    def augmented_by(self) -> range:
        """Numbers of those that students are trained on: the drawn ones, or all where none was drawn."""
        known = self.others.shape[1]
        return range(len(PROTOCOLS) if known > len(PROTOCOLS) else 0, known)

    def of_pairs(self) -> CohortPatches:
        """Without the scans that have no MR."""
        n = self.paired
        tensors: dict[str, Any] = {k: v[:n] for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **tensors, pairs=self.pairs[: len(self.pairs) - self.scans], scans=0)

    @property
    def digest(self) -> str:
        """SHA-256 of the labels: another making of the patches has other ones."""
        return hashlib.sha256(self.label.numpy().tobytes()).hexdigest()

    @property
    def content_digest(self) -> str:
        """SHA-256 of which knee and fold each patch is of, and of what its CT shows, by any protocol.

        Not of contexts: sums over a knee may differ in their last bit by the number of threads.
        """
        whole = hashlib.sha256(json.dumps([self.pairs, self.paired]).encode())
        for each in (self.pair, self.fold, self.row, self.ct, self.ct_mask, self.others):
            whole.update(each.contiguous().numpy().data)
        return whole.hexdigest()


def read_cohort_patches(
    folder: Path,
    with_mr: bool = True,
    with_native: bool = False,
    scans: Path | None = None,
    knee_context: bool = False,
) -> CohortPatches:
    """The patches below `folder` (of `ctsma-train patches`), by pair id, then as they were stored.

    After them those below `scans` (of `ctsma-train scans`), which have no MR. With `knee_context` contexts go
    on with KNEE_CONTEXT. Which patches count, `evaluation.regression.predictions.labelled` says. Raises
    SettingsError where there is none.
    """
    asked = _Asked(with_mr, with_native, knee_context)
    store = store_below(folder)
    parts = [_of_pair(store, pair, number, asked) for number, pair in enumerate(store.pairs)]
    paired, pairs, count = sum(len(part["label"]) for part in parts), store.pairs, 0
    if scans is not None:
        more = store_below(scans, "scans")
        folds = sorted({int(part["fold"][0]) for part in parts if len(part["fold"])})
        parts += [
            _of_scan(more, scan, len(pairs) + n, folds, replace(asked, mr=False))
            for n, scan in enumerate(more.pairs)
        ]
        pairs, count = pairs + more.pairs, len(more.pairs)
    joined = {
        name: torch.from_numpy(np.concatenate([part[name] for part in parts if name in part]))
        for name in parts[0]
    }
    return CohortPatches(**joined, pairs=tuple(pairs), paired=paired, folder=folder, scans=count)


@dataclass(frozen=True)
class _Asked:
    """What is read beside CT and labels."""

    mr: bool = True
    native: bool = False
    knee: bool = False


def each_pair(patches: CohortPatches) -> Iterator[CohortPatches]:
    """The same patches again with their MR, a pair at a time: all at once they take gigabytes."""
    store = PatchStore(patches.folder / STORE)
    for number, pair in enumerate(patches.pairs):
        part = _of_pair(store, pair, number, _Asked())
        tensors: dict[str, Any] = {name: torch.from_numpy(array) for name, array in part.items()}
        yield CohortPatches(
            **tensors, pairs=patches.pairs, paired=len(tensors["label"]), folder=patches.folder
        )


def _of_pair(store: PatchStore, pair: str, number: int, asked: _Asked) -> dict[str, Any]:
    names = ["ct", "ct_mask", "context", "label", "bone", "subregion"]
    found = store.read(pair, names + ["mr", "mr_mask", "mr_marrow"] * asked.mr)
    kept = labelled(found["label"], found["ct_mask"])
    n = int(kept.sum())
    others, contexts = _other_protocols(store, pair, asked.knee)
    context = found["context"]
    if asked.knee:
        context = _with_knee(context, found, found["ct"])
    return {
        "ct": found["ct"][kept],
        "ct_mask": found["ct_mask"][kept],
        "mr": _scaled(found["mr"][kept], found["mr_marrow"][kept]) if asked.mr else np.zeros((n, 0)),
        "mr_mask": found["mr_mask"][kept] if asked.mr else np.zeros((n, 0), dtype=bool),
        "context": np.tile(context.astype(np.float32), (n, 1)),
        "others": others[kept],
        "other_contexts": np.tile(contexts, (n, 1, 1)),
        "native": _native(store, pair)[kept] if asked.native else np.zeros((n, 0)),
        "label": found["label"][kept].astype(np.float32),
        "fold": np.full(n, int(store.attributes(pair)["fold"]), dtype=np.int16),
        "bone": found["bone"][kept],
        "subregion": found["subregion"][kept],
        "row": np.flatnonzero(kept).astype(np.int32),
        "pair": np.full(n, number, dtype=np.int32),
    }


def _of_scan(store: PatchStore, scan: str, number: int, folds: list[int], asked: _Asked) -> dict[str, Any]:
    """As a pair, in one of the pairs' `folds`; by no other protocol, for it is by another one itself."""
    found = _of_pair(store, scan, number, asked)
    found["fold"][:] = folds[int(store.attributes(scan)["fold"]) % len(folds)]
    return {name: array for name, array in found.items() if name not in ("others", "other_contexts")}


def _other_protocols(store: PatchStore, pair: str, knee: bool) -> tuple[Any, Any]:
    """Patches (all, V, 12, 12, 12) of a pair and contexts (V, C)."""
    if not store.attributes(pair)["sampling"].get("protocols"):
        count = len(store.read(pair, ["bone"])["bone"])
        context = CONTEXT + KNEE_CONTEXT * knee
        return np.zeros((count, 0, PATCH, PATCH, PATCH), np.float16), np.zeros((0, len(context)), np.float32)
    found = store.read(pair, ["ct_protocols", "protocol_contexts", "ct_mask", "subregion"])
    cts, contexts = found["ct_protocols"], found["protocol_contexts"]
    if knee:
        contexts = np.stack([_with_knee(each, found, cts[:, n]) for n, each in enumerate(contexts)])
    return cts, contexts


def _with_knee(context: Any, found: dict[str, Any], ct: Any) -> Any:
    """A scan's noise, and the means of its subregions' statistics as the node takes them."""
    own = found["subregion"] > 0
    hu, mask = (torch.from_numpy(each[own].astype(np.float32)) for each in (ct, found["ct_mask"]))
    return np.concatenate([context, knee_means(hu, mask).numpy()]).astype(np.float32)


def _native(store: PatchStore, pair: str) -> Any:
    if not store.attributes(pair)["sampling"].get("native"):
        raise SettingsError(f"{store.path}: no native patches; make them with: ctsma-train patches --native")
    return store.read(pair, ["ct_native"])["ct_native"]


def _scaled(signal: Any, marrow: Any) -> Any:
    ratio = signal.astype(np.float32) / np.maximum(marrow, 1.0)[:, None, None, None]
    return np.minimum(ratio, MOST_SIGNAL).astype(np.float16)


def chosen(patches: CohortPatches, folds: Iterable[int], few: int | None = None, seed: int = 0) -> Tensor:
    """Rows of the patches of these folds; with `few`, of that many of their pairs, drawn by the seed."""
    rows = torch.isin(patches.fold, torch.tensor(sorted(folds), dtype=patches.fold.dtype))
    pairs = patches.pair[rows].unique()
    if few is not None and few < len(pairs):
        order = np.random.default_rng([seed, 51]).permutation(len(pairs))[:few]
        rows &= torch.isin(patches.pair, pairs[torch.from_numpy(np.sort(order))])
    return rows.nonzero()[:, 0]


class Batch(NamedTuple):
    """Some patches as networks take them, in single precision; see CohortPatches."""

    ct: Tensor
    ct_mask: Tensor
    mr: Tensor
    mr_mask: Tensor
    native: Tensor
    context: Tensor

    def flipped(self, axes: list[int]) -> Batch:
        """Mirrored along spatial axes (0 k, 1 j, 2 i), CT and MR alike: texture has no handedness."""
        turned = [axis + 1 for axis in axes]
        return Batch(*(image.flip(turned) if image.ndim == 4 else image for image in self))


def batch_of(
    patches: CohortPatches,
    rows: Tensor,
    device: torch.device | None = None,
    protocols: Tensor | None = None,
) -> Batch:
    """The patches of these rows; `protocols` (n,) are those of the CTs in `others`, -1: as scanned."""
    batch = Batch(*(getattr(patches, name)[rows].float() for name in Batch._fields))
    if protocols is not None:
        changed = protocols >= 0
        at, which = rows[changed], protocols[changed]
        batch.ct[changed] = patches.others[at, which].float()
        batch.context[changed] = patches.other_contexts[at, which]
    return Batch(*(each.to(device) for each in batch))
