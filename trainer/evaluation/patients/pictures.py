"""Pictures of Tables 6 and 7: ROC curves, cartilage scores (paper, Fig. 8), calibration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from trainer.evaluation.patients.figures import NORMAL, oa_probability
from trainer.evaluation.patients.stage import Answers

matplotlib.use("Agg")

_BINS = 8


def roc_picture(found: Mapping[str, Answers], figures: Mapping[str, Any], path: Path) -> None:
    """ROC curves of osteoarthritis against none."""
    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    axis = figure.subplots()
    for name, each in found.items():
        ill = each.knees.oa_class > NORMAL
        if ill.all() or not ill.any():
            continue  # one class only: there is no curve
        false, true, _ = roc_curve(ill, oa_probability(each.p))
        axis.plot(false, true, label=f"{name}: {figures[name]['pooled']['auc']:.3f}")
    axis.plot((0, 1), (0, 1), color="0.7", linewidth=1.0)
    axis.set_xlabel("1 - specificity")
    axis.set_ylabel("sensitivity")
    axis.set_aspect("equal")
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=7, loc="lower right")
    figure.savefig(path, dpi=110)


def cartilage_picture(found: Mapping[str, Answers], figures: Mapping[str, Any], path: Path) -> None:
    """Predicted over given MOAKS cartilage scores."""
    figure = Figure(figsize=(3.0 * len(found), 3.3), layout="constrained")
    spread = np.random.default_rng(0)
    for axis, (name, each) in zip(np.ravel(figure.subplots(1, len(found))), found.items(), strict=True):
        truth = each.knees.cartilage.ravel()
        axis.scatter(truth + spread.uniform(-0.15, 0.15, len(truth)), each.scores.ravel(), s=4, alpha=0.5)
        axis.plot((0, 6), (0, 6), color="tab:red", linewidth=1.0)
        axis.set_title(f"{name}\nR2 {figures[name]['pooled']['r2']:.3f}", fontsize=8)
        axis.set_xlabel("MOAKS")
        axis.set_ylabel("estimate")
    figure.savefig(path, dpi=110)


def calibration_picture(found: Mapping[str, Answers], figures: Mapping[str, Any], path: Path) -> None:
    """Share of osteoarthritic knees over their probability, in bins of equally many knees."""
    figure = Figure(figsize=(5.0, 5.0), layout="constrained")
    axis = figure.subplots()
    for name, each in found.items():
        oa, ill = oa_probability(each.p), each.knees.oa_class > NORMAL
        bins = [each for each in np.array_split(np.argsort(oa), _BINS) if len(each)]
        axis.plot(
            [oa[b].mean() for b in bins],
            [ill[b].mean() for b in bins],
            marker="o",
            markersize=3,
            label=f"{name}: ECE {figures[name]['pooled']['ece']:.3f}",
        )
    axis.plot((0, 1), (0, 1), color="0.7", linewidth=1.0)
    axis.set_xlabel("probability of osteoarthritis")
    axis.set_ylabel("share that has it")
    axis.legend(fontsize=7)
    figure.savefig(path, dpi=110)
