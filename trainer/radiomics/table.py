"""The features of a cohort's patches, made pair by pair and kept."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.patches import CONTEXT
from ctsma_node.errors import SettingsError
from trainer.evaluation.regression.predictions import labelled
from trainer.patches.store import STORE, PatchStore
from trainer.radiomics.features import features
from trainer.radiomics.grey_levels import Discretisation
from trainer.stage import side_by_side

_CARRIED = ("label", "bone", "subregion")


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Labelled patches of a cohort (n), in the order of Predictions, with their features."""

    values: npt.NDArray[np.float32]
    """(n, f)"""
    names: tuple[str, ...]
    label: npt.NDArray[np.float32]
    pair: npt.NDArray[np.str_]
    fold: npt.NDArray[np.int16]
    bone: npt.NDArray[np.uint8]
    subregion: npt.NDArray[np.uint8]
    row: npt.NDArray[np.int32]


def make_features(patches: Path, folder: Path, bins: Discretisation, jobs: int) -> Iterator[str]:
    """Keep each pair's features as `folder`/PAIR.npz; yields pairs as they are done.

    Made again where the pair's patches or the bins are others. Raises SettingsError without patches.
    """
    pairs = pairs_of(patches)
    folder.mkdir(parents=True, exist_ok=True)
    missing = []
    for pair in pairs:
        if _made_of(folder / f"{pair}.npz") == _provenance(patches, pair, bins):
            yield pair
        else:
            missing.append(pair)
    yield from side_by_side(partial(_make, patches=patches, folder=folder, bins=bins), missing, jobs)


def pairs_of(patches: Path) -> list[str]:
    """Pairs of a folder of patches, sorted. Raises SettingsError where there are none."""
    store = PatchStore(patches / STORE)
    if not store.path.is_dir() or not store.pairs:
        raise SettingsError(f"{store.path} holds no patches: run ctsma-train patches, or name --patches")
    return store.pairs


def read_features(patches: Path, folder: Path) -> FeatureTable:
    """The table of what `make_features` kept."""
    parts: list[dict[str, Any]] = []
    store = PatchStore(patches / STORE)
    for pair in pairs_of(patches):
        with np.load(folder / f"{pair}.npz") as kept:
            part = {name: kept[name] for name in ("values", "row", *_CARRIED)}
            names = tuple(kept["names"].tolist())
        n = len(part["row"])
        part |= {"pair": np.full(n, pair), "fold": np.full(n, store.attributes(pair)["fold"], np.int16)}
        parts.append(part)
    return FeatureTable(names=names, **{name: np.concatenate([p[name] for p in parts]) for name in parts[0]})


def _make(pair: str, patches: Path, folder: Path, bins: Discretisation) -> str:
    """One pair; the file appears whole. The noise of the CT and the bone are features, as the student's."""
    read = PatchStore(patches / STORE).read(pair, ("ct", "ct_mask", "context", *_CARRIED))
    row = np.flatnonzero(labelled(read["label"], read["ct_mask"])).astype(np.int32)
    values, names = features(read["ct"][row], read["ct_mask"][row], bins)
    scan = np.broadcast_to(read["context"], (len(row), len(CONTEXT)))
    path = folder / f"{pair}.npz"
    part = path.with_suffix(f".{os.getpid()}.part.npz")
    arrays: dict[str, Any] = dict(
        values=np.column_stack([values, scan, read["bone"][row]]).astype(np.float32),
        names=np.array([*names, *CONTEXT, "bone is tibia"]),
        row=row,
        made_of=np.array(_provenance(patches, pair, bins)),
        **{name: read[name][row] for name in _CARRIED},
    )
    np.savez_compressed(part, **arrays)
    part.rename(path)
    return pair


def _provenance(patches: Path, pair: str, bins: Discretisation) -> str:
    attributes = PatchStore(patches / STORE).attributes(pair)
    return json.dumps({"patches": attributes, "bins": asdict(bins)}, sort_keys=True)


def _made_of(path: Path) -> str:
    if not path.is_file():
        return ""
    with np.load(path) as kept:
        return str(kept["made_of"])
