"""The evaluation of several methods' predictions: every figure of Table 5, and the pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ctsma_node.errors import SettingsError
from trainer.evaluation.regression.bland_altman import bland_altman
from trainer.evaluation.regression.bootstrap import TIMES
from trainer.evaluation.regression.comparison import comparisons
from trainer.evaluation.regression.coverage import coverage
from trainer.evaluation.regression.figures import bland_altman_picture, coverage_picture, scatter
from trainer.evaluation.regression.predictions import Predictions, check_same_patches, read
from trainer.evaluation.regression.table5 import PAPER, icc_figures

EVALUATION = "evaluation.json"


def read_methods(folders: list[Path]) -> dict[str, Predictions]:
    """Predictions by the name of their folder, in the order given.

    Raises SettingsError where a file is not what it must be, two folders have one name, or patches differ.
    """
    methods: dict[str, Predictions] = {}
    for folder in folders:
        name = folder.resolve().name
        if name in methods:
            raise SettingsError(f"two folders are called {name}: a method goes by the name of its folder")
        methods[name] = read(folder)
        first = next(iter(methods))
        try:
            check_same_patches(methods[first], methods[name])
        except SettingsError as error:
            raise SettingsError(f"{first} and {name} cannot be compared: {error}") from error
    return methods


def evaluate(methods: dict[str, Predictions], times: int = TIMES, seed: int = 0) -> dict[str, Any]:
    """Every figure, as evaluation.json holds it: see table5, comparison, bland_altman and coverage."""
    return {
        "paper": PAPER,
        "bootstrap": {"over": "patients", "times": times, "seed": seed},
        "methods": {name: _figures(each, times, seed) for name, each in methods.items()},
        "comparisons": comparisons(methods, times, seed),
    }


def write_evaluation(methods: dict[str, Predictions], figures: dict[str, Any], out: Path) -> list[Path]:
    """Write `out`/evaluation.json and the pictures; returns all paths."""
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / EVALUATION]
    paths[0].write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    for name, predictions in methods.items():
        of = figures["methods"][name]
        paths += [out / f"scatter-{name}.png", out / f"bland-altman-{name}.png"]
        scatter(name, predictions, of["icc21"], paths[-2])
        bland_altman_picture(name, predictions, of["bland_altman"], paths[-1])
    if coverage_picture(methods, out / "coverage.png"):
        paths.append(out / "coverage.png")
    return paths


def _figures(predictions: Predictions, times: int, seed: int) -> dict[str, Any]:
    return {
        "patches": len(predictions),
        "pairs": len(np.unique(predictions.pair)),
        "patients": len(np.unique(predictions.patient)),
        "folds": predictions.folds,
        **icc_figures(predictions, times, seed),
        "bland_altman": bland_altman(predictions, times, seed),
        "coverage": coverage(predictions, times, seed),
    }
