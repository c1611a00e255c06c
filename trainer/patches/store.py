"""The patches of a cohort as a Zarr store (zarr.dev, format 3): one group a pair, read in chunks.

`patches.zarr`/PAIR holds the arrays below and, as attributes, where they came from. A group appears whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from ctsma_node.errors import SettingsError

STORE = "patches.zarr"
CHUNK = 32
"""Patches read together."""
ARRAYS: dict[str, str] = {
    "ct": "(n, 12, 12, 12) HU on the analysis grid [k, j, i], left mirrored onto right",
    "ct_mask": "(n, 12, 12, 12) bone under its cortex",
    "mr": "(n, 16, 48, 48) signal of the MR on the same axes, 0.75 x 0.244 x 0.244 mm",
    "mr_mask": "(n, 16, 48, 48) as ct_mask",
    "mr_marrow": "(n,) signal of marrow there: divide by it",
    "label": "(n, 4) BV/TV 1, Tb.Th mm, Tb.Sp mm, Tb.N 1/mm of the MR, calibrated; NaN: not measured",
    "apparent": "(n, 4) the same as they appear in the MR (app.BV/TV and so on)",
    "cover": "(n,) part of the MR patch that is trabecular bone",
    "lps": "(n, 3) middle of the patch, LPS mm of the CT",
    "mr_lps": "(n, 3) LPS mm of the MR",
    "bone": "(n,) 0 femur, 1 tibia",
    "subregion": "(n,) 1 to 100, the node's subregion about whose middle the patch lies; 0: drawn",
    "context": "(3,) noise of the CT, as the student takes it",
    "shifted_label": "(n, 6, 4) label of the MR 1, 2, 3.67, 5, 10, 15 mm beside it, in a drawn direction",
    "ct_protocols": "(n, 12, 12, 12, 12) ct as trainer.patches.protocols would show it: 8 fixed, 4 drawn",
    "protocol_contexts": "(12, 3) context of each",
    "ct_native": "(n, 36, 36, 36) HU about 0.33 mm apart, on the same axes; where it was asked for",
}


def write_group(store: Path, name: str, arrays: dict[str, Any], attributes: dict[str, Any]) -> None:
    """Write one pair's group; `arrays` are those of ARRAYS."""
    unfinished = store.with_name(f"{store.name}.unfinished") / name
    shutil.rmtree(unfinished, ignore_errors=True)
    group = zarr.open_group(unfinished, mode="w", attributes=attributes)
    for key, values in arrays.items():
        chunks = (min(CHUNK, max(len(values), 1)), *values.shape[1:]) if values.ndim > 1 else values.shape
        array = group.create_array(
            key, shape=values.shape, dtype=values.dtype, chunks=chunks, attributes={"what": ARRAYS[key]}
        )
        array[...] = values
    store.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(store / name, ignore_errors=True)
    unfinished.rename(store / name)


def keep_groups(store: Path, names: Iterable[str]) -> None:
    """Remove every group but these: readers take all that a store holds."""
    known = set(PatchStore(store).pairs) if store.is_dir() else set()
    for name in known - set(names):
        removed = store.with_name(f"{store.name}.unfinished") / name
        shutil.rmtree(removed, ignore_errors=True)
        removed.parent.mkdir(exist_ok=True)
        (store / name).rename(removed)  # at once: nobody reads half a group
        shutil.rmtree(removed)


def has_group(store: Path, name: str) -> bool:
    """Whether a pair's patches are there, whole."""
    return (store / name / "zarr.json").is_file()


def store_below(folder: Path, command: str = "patches ARCHIVE") -> PatchStore:
    """The store of a folder. Raises SettingsError, naming the command, where it holds no patches."""
    store = PatchStore(folder / STORE)
    if not store.path.is_dir() or not store.pairs:
        raise SettingsError(f"{store.path}: no patches; make them with: ctsma-train {command}")
    return store


@dataclass(frozen=True)
class PatchStore:
    """Reads a store: `attributes(pair)`, `read(pair, ...)`, or patch by patch as `stream`."""

    path: Path

    @property
    def pairs(self) -> list[str]:
        """Ids of the pairs, sorted."""
        return sorted(p.name for p in self.path.iterdir() if (p / "zarr.json").is_file())

    def attributes(self, pair: str) -> dict[str, Any]:
        """Where a pair's patches came from: fold, side, grade, transforms, digests."""
        return dict(zarr.open_group(self.path / pair, mode="r").attrs)

    def read(self, pair: str, names: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
        """Whole arrays of one pair."""
        group = zarr.open_group(self.path / pair, mode="r")
        return {name: np.asarray(group[name][...]) for name in names}  # type: ignore[index]

    def stream(self, pairs: Iterable[str], names: Iterable[str]) -> Iterator[dict[str, npt.NDArray[Any]]]:
        """Chunks of up to CHUNK patches of several pairs, one after another: what fits in little memory."""
        wanted = list(names)
        for pair in pairs:
            group = zarr.open_group(self.path / pair, mode="r")
            count = group["label"].shape[0]  # type: ignore[union-attr]
            for first in range(0, count, CHUNK):
                part = slice(first, min(first + CHUNK, count))
                yield {name: np.asarray(group[name][part]) for name in wanted}  # type: ignore[index]
