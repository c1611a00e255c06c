"""The stage `radiomics`: features of every patch, a tuned regressor, and its out-of-fold predictions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ctsma_node.errors import SettingsError
from trainer.evaluation.regression.predictions import Predictions, write
from trainer.radiomics.grey_levels import Discretisation
from trainer.radiomics.regressor import F32, SETTINGS, Setting, fit_predict
from trainer.radiomics.table import FeatureTable, make_features, pairs_of, read_features
from trainer.radiomics.tuning import Inner, two_left_out
from trainer.stage import MANIFEST, make_items, write_manifest

FEATURES, TUNING = "features", "tuning.json"


@dataclass(frozen=True)
class RadiomicsRequest:
    """Folder of patches.zarr, where the predictions go, and what is tried."""

    patches: Path
    out: Path
    bins: Discretisation = field(default_factory=Discretisation)
    settings: tuple[Setting, ...] = SETTINGS
    seed: int = 0
    jobs: int = 1


def run(request: RadiomicsRequest, say: Callable[[str, int, int], None]) -> Predictions:
    """Write `out`/predictions.npz, tuning.json and stage.json; `say(pair, done, total)` as features are made.

    Each held-out fold gets the setting that was best on the other folds, trained on all of these. Features
    and folds that are there are not made again. Raises SettingsError where patches or folds are missing.
    """
    pairs = pairs_of(request.patches)
    for done, pair in enumerate(
        make_features(request.patches, request.out / FEATURES, request.bins, request.jobs)
    ):
        say(pair, done + 1, len(pairs))
    table = read_features(request.patches, request.out / FEATURES)
    folds = [int(fold) for fold in np.unique(table.fold)]
    if len(folds) < 3:
        raise SettingsError(f"{request.patches} has {len(folds)} folds of patients: tuning takes 3 at least")
    inner = _inner(table, folds, request)
    scores = {fold: inner.scores(fold) for fold in folds}
    chosen = {fold: int(scores[fold].argmax()) for fold in folds}
    predictions = _held_out(table, inner, chosen, request)
    write(request.out, predictions)
    _write_tuning(request, scores, chosen)
    manifest = request.patches / MANIFEST
    write_manifest(request.out, _settings(request), [manifest] if manifest.is_file() else [])
    return predictions


def _inner(table: FeatureTable, folds: list[int], request: RadiomicsRequest) -> Inner:
    """Predictions for every two folds by models that saw neither."""
    pairs = two_left_out(folds)
    make = partial(_leave_out_two, table, pairs, request)
    folder = request.out / f"inner-{_digest(table, request)}"
    paths = make_items("inner folds", make, range(len(pairs)), folder, request.jobs)
    by_pair = {}
    for pair, path in zip(pairs, paths, strict=True):
        with np.load(path) as kept:
            by_pair[pair] = kept["predicted"]
    return Inner(by_pair, table.fold, table.label)


def _leave_out_two(
    table: FeatureTable, pairs: list[tuple[int, int]], request: RadiomicsRequest, n: int
) -> dict[str, Any]:
    out = np.full((len(request.settings), *table.label.shape), np.nan, dtype=np.float32)
    left_out = np.isin(table.fold, pairs[n])
    out[:, left_out] = _predicted(table, ~left_out, left_out, request.settings, request.seed)
    return {"predicted": out}


def _held_out(
    table: FeatureTable, inner: Inner, chosen: dict[int, int], request: RadiomicsRequest
) -> Predictions:
    """Predictions of each fold by its setting, trained on the others."""
    make = partial(_one_fold, table, chosen, request)
    folder = request.out / f"outer-{_digest(table, request)}"
    paths = make_items("held-out folds", make, list(chosen), folder, request.jobs)
    estimate, half = np.empty_like(table.label), np.empty_like(table.label)
    for fold, path in zip(chosen, paths, strict=True):
        with np.load(path) as kept:
            estimate[table.fold == fold] = kept["predicted"]
        half[table.fold == fold] = inner.half_width(fold, chosen[fold])
    return Predictions(
        estimate=estimate,
        label=table.label,
        pair=table.pair,
        fold=table.fold,
        bone=table.bone,
        subregion=table.subregion,
        row=table.row,
        low=estimate - half,
        high=estimate + half,
    )


def _one_fold(
    table: FeatureTable, chosen: dict[int, int], request: RadiomicsRequest, fold: int
) -> dict[str, Any]:
    test = table.fold == fold
    setting = (request.settings[chosen[fold]],)
    return {"predicted": _predicted(table, ~test, test, setting, request.seed)[0]}


def _predicted(table: FeatureTable, train: Any, test: Any, settings: tuple[Setting, ...], seed: int) -> F32:
    return fit_predict(table.values[train], table.label[train], table.values[test], settings, seed)


def _digest(table: FeatureTable, request: RadiomicsRequest) -> str:
    """Of all that the kept folds are made of."""
    digest = hashlib.sha256(repr((request.settings, request.seed, table.names)).encode())
    for array in (table.values, table.label, table.fold):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]


def _settings(request: RadiomicsRequest) -> dict[str, Any]:
    return {
        "bins": asdict(request.bins),
        "settings": [str(setting) for setting in request.settings],
        "seed": request.seed,
    }


def _write_tuning(request: RadiomicsRequest, scores: dict[int, Any], chosen: dict[int, int]) -> None:
    """The ICC of each setting on each fold's inner folds, and what was chosen."""
    content = {
        str(fold): {
            "chosen": str(request.settings[chosen[fold]]),
            "inner ICC(2,1)": {
                str(setting): round(float(score), 4)
                for setting, score in zip(request.settings, scores[fold], strict=True)
            },
        }
        for fold in scores
    }
    (request.out / TUNING).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
