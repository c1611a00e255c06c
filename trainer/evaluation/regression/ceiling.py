"""What registration costs: the same answers judged by labels that were read through true transforms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ctsma_node.errors import SettingsError
from trainer.evaluation.icc import icc21
from trainer.evaluation.regression.predictions import Predictions
from trainer.evaluation.regression.table5 import ROWS, with_overall
from trainer.patches.store import STORE, PatchStore

_SAME_PLACE = 3
"""Decimals of mm."""


def ceiling(methods: dict[str, Predictions], patches: Path, truth: Path) -> dict[str, Any]:
    """ICC(2,1) of each method by its own labels and by those in `truth`, and of both labels with each other.

    `patches` and `truth` are folders of `ctsma-train patches` with the same CT sites; patches that both hold
    count. Raises SettingsError where there is none.
    """
    for folder in (patches, truth):
        if not (folder / STORE).is_dir():
            raise SettingsError(f"{folder / STORE}: no patches; make them with: ctsma-train patches ARCHIVE")
    first = next(iter(methods.values()))
    label, both = _relabelled(first, patches, truth)
    out = {"labels": _icc(first.label[both], label), "patches": int(both.sum())}
    out["pairs"] = len(np.unique(first.pair[both]))
    out["methods"] = {
        name: {
            "registered": _icc(each.estimate[both], each.label[both]),
            "true": _icc(each.estimate[both], label),
        }
        for name, each in methods.items()
    }
    return out


def _icc(estimate: Any, label: Any) -> dict[str, float]:
    values = with_overall(icc21(estimate.astype(np.float64), label.astype(np.float64)))
    return dict(zip(ROWS, values.tolist(), strict=True))


def _relabelled(found: Predictions, patches: Path, truth: Path) -> tuple[Any, Any]:
    """Labels (m, 4) of the other store for the patches (n,) bool that it holds, too."""
    ours, theirs = PatchStore(patches / STORE), PatchStore(truth / STORE)
    label = np.full(found.label.shape, np.nan)
    for pair in set(theirs.pairs) & set(np.unique(found.pair).tolist()):
        other = theirs.read(pair, ["lps", "label"])
        at = {_place(lps): n for n, lps in enumerate(other["lps"])}
        mine = np.flatnonzero(found.pair == pair)
        places = ours.read(pair, ["lps"])["lps"][found.row[mine]]
        rows = np.array([at.get(_place(lps), -1) for lps in places])
        label[mine[rows >= 0]] = other["label"][rows[rows >= 0]]
    both = np.isfinite(label).all(axis=1)
    if not both.any():
        raise SettingsError(f"{truth} and {patches} have no patch in common: were they cut by one bundle?")
    return label[both], both


def _place(lps: Any) -> tuple[float, ...]:
    return tuple(np.round(lps, _SAME_PLACE).tolist())
