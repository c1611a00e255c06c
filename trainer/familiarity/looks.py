"""The knees of training as the node's familiarity sees them, read from the stages' patches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.familiarity import Look, look
from ctsma_node.analysis.result import SUBREGIONS_PER_BONE, Side
from ctsma_node.volume import Array
from trainer.patches.sites import DRAWN
from trainer.patches.store import STORE, PatchStore
from trainer.stage import progress, side_by_side

_ARRAYS = ("ct", "ct_mask", "context", "lps", "bone", "subregion")
_PROTOCOLS = ("ct_protocols", "protocol_contexts")


@dataclass(frozen=True, eq=False)
class Seen:
    """A knee of training: its scan, then the same scan as other protocols would have it, if there are any."""

    name: str
    person: str
    looks: tuple[Look, ...]


def read_looks(folders: list[Path], jobs: int) -> list[Seen]:
    """Every knee of the stores below the folders of `patches` and `scans`."""
    wanted = [(folder / STORE, name) for folder in folders for name in PatchStore(folder / STORE).pairs]
    with progress() as bar:
        task = bar.add_task("knees", total=len(wanted), note="")
        found = []
        for seen in side_by_side(_read, wanted, jobs):
            found.append(seen)
            bar.update(task, advance=1, note=seen.name)
    return sorted(found, key=lambda seen: seen.name)


def _read(wanted: tuple[Path, str]) -> Seen:
    store, name = PatchStore(wanted[0]), wanted[1]
    attributes = store.attributes(name)
    protocols = _PROTOCOLS if attributes["sampling"]["protocols"] else ()
    arrays = store.read(name, (*_ARRAYS, *protocols))
    return Seen(name, attributes["pseudonym"], looks_of(arrays, Side(attributes["side"])))


def looks_of(arrays: dict[str, npt.NDArray[Any]], side: Side) -> tuple[Look, ...]:
    """Looks of a store's arrays: the scan's, and one of each other protocol that it was shown by."""
    own = arrays["subregion"] != DRAWN
    rows = arrays["bone"][own].astype(np.intp) * SUBREGIONS_PER_BONE + arrays["subregion"][own] - 1
    mask, positions = arrays["ct_mask"][own], positions_of(arrays["lps"][own], side)
    images = [(arrays["ct"][own], arrays["context"])]
    if "ct_protocols" in arrays:
        others = arrays["ct_protocols"][own]
        images += [(others[:, n], context) for n, context in enumerate(arrays["protocol_contexts"])]
    return tuple(look(hu, mask, positions, context, rows) for hu, context in images)


def positions_of(lps: Array, side: Side) -> Array:
    """LPS mm (n, 3) -> mm along lateral, inferior and posterior, as `measure.Tokens.positions`."""
    lateral = lps[:, 0] if side is Side.LEFT else -lps[:, 0]
    return np.stack([lateral, -lps[:, 2], lps[:, 1]], axis=1)
