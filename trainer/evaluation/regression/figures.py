"""Pictures of the evaluation: scatter (Figure 7 of the paper), Bland-Altman, coverage, and the B.1 curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ctsma_node.analysis.result import UNITS, Parameter
from trainer.evaluation.regression.coverage import AIM, NOMINAL, patient_coverage
from trainer.evaluation.regression.predictions import PARAMETERS, Predictions
from trainer.evaluation.regression.shift import ShiftPoint
from trainer.evaluation.regression.table5 import OVERALL, ROWS

matplotlib.use("Agg")

_CELLS = 60
_BAND = "0.75"


def scatter(name: str, predictions: Predictions, icc21: dict[str, Any], path: Path) -> None:
    """Estimate over label for each parameter, counts as colour, with the line of identity."""
    figure, axes = _panels(name)
    for c, (axis, parameter) in enumerate(zip(axes, PARAMETERS, strict=True)):
        label, estimate = predictions.label[:, c], predictions.estimate[:, c]
        low, high = np.percentile(np.concatenate([label, estimate]), (0.2, 99.8))
        _hexbin(axis, label, estimate, (low, high, low, high))
        axis.plot((low, high), (low, high), color="tab:red", linewidth=1.0)
        axis.set_title(f"{parameter.value}: ICC(2,1) {icc21[parameter.value]['pooled']:.3f}", fontsize=10)
        axis.set_xlabel(f"of the MR, {_unit(parameter)}")
        axis.set_ylabel(f"estimate, {_unit(parameter)}")
        axis.set_aspect("equal")
    figure.savefig(path)


def bland_altman_picture(
    name: str, predictions: Predictions, figures: dict[str, dict[str, float]], path: Path
) -> None:
    """Difference over mean for each parameter, with bias and limits of agreement."""
    figure, axes = _panels(name)
    for c, (axis, parameter) in enumerate(zip(axes, PARAMETERS, strict=True)):
        of = figures[parameter.value]
        label, estimate = predictions.label[:, c], predictions.estimate[:, c]
        mean, difference = (label + estimate) / 2.0, estimate - label
        left, right = np.percentile(mean, (0.2, 99.8))
        reach = 1.6 * max(abs(of["low"]), abs(of["high"]))
        _hexbin(axis, mean, difference, (left, right, -reach, reach))
        for value, style in ((of["bias"], "-"), (of["low"], "--"), (of["high"], "--")):
            axis.axhline(value, color="tab:red", linestyle=style, linewidth=1.0)
        limits = f"{of['low']:+.3f} to {of['high']:+.3f}"
        axis.set_title(f"{parameter.value}: {of['bias']:+.3f} ({limits})", fontsize=9)
        axis.set_xlabel(f"mean of both, {_unit(parameter)}")
        axis.set_ylabel("estimate less label")
    figure.savefig(path)


def coverage_picture(methods: dict[str, Predictions], path: Path) -> bool:
    """The patients' coverages of each method that gives intervals; False, and no picture, where none does."""
    found = {name: by for name, each in methods.items() if (by := patient_coverage(each)) is not None}
    if not found:
        return False
    figure, axes = _panels("labels within their 90 % interval: patients, and all patches")
    for c, (axis, parameter) in enumerate(zip(axes, PARAMETERS, strict=True)):
        axis.axhspan(*AIM, color=_BAND)
        axis.axhline(NOMINAL, color="0.4", linewidth=0.8)
        axis.boxplot([covered[:, c] for covered, _ in found.values()], whis=(5, 95), widths=0.5)
        whole = [float(counts @ covered[:, c] / counts.sum()) for covered, counts in found.values()]
        axis.plot(range(1, len(found) + 1), whole, "D", color="tab:red", markersize=5)
        axis.set_xticks(range(1, len(found) + 1), list(found), rotation=20, fontsize=8)
        axis.set_title(parameter.value, fontsize=10)
        axis.set_ylim(top=1.0)
    figure.savefig(path)
    return True


def shift_picture(curves: Mapping[str, Sequence[ShiftPoint]], path: Path) -> None:
    """ICC(2,1) over the shift of the MR, a line for each method with its interval over patients."""
    figure = Figure(figsize=(12.0, 3.2), dpi=110, layout="constrained")
    axes = figure.subplots(1, len(ROWS), sharey=True)
    for axis, row in zip(axes, ROWS, strict=True):
        for name, points in curves.items():
            at = [point.shift_mm for point in points]
            (line,) = axis.plot(at, [point.icc21[row]["pooled"] for point in points], "o-", label=name)
            low, high = ([point.icc21[row][end] for point in points] for end in ("low", "high"))
            axis.fill_between(at, low, high, color=line.get_color(), alpha=0.2)
        axis.set_title(row, fontsize=10)
        axis.set_xlabel("shift of the MR, mm")
    axes[0].set_ylabel("ICC(2,1)")
    axes[ROWS.index(OVERALL)].legend(fontsize=8)
    figure.savefig(path)


def _panels(title: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(13.0, 3.6), dpi=110, layout="constrained")
    figure.suptitle(title, fontsize=11)
    return figure, figure.subplots(1, len(PARAMETERS))


def _hexbin(axis: Axes, x: Any, y: Any, extent: tuple[float, float, float, float]) -> None:
    inside = (x >= extent[0]) & (x <= extent[1]) & (y >= extent[2]) & (y <= extent[3])
    style: dict[str, Any] = {"mincnt": 1, "bins": "log", "cmap": "Blues", "linewidths": 0.1}
    axis.hexbin(x[inside], y[inside], gridsize=_CELLS, extent=extent, **style)
    axis.set_xlim(extent[0], extent[1])
    axis.set_ylim(extent[2], extent[3])


def _unit(parameter: Parameter) -> str:
    unit = UNITS[parameter]
    return "1" if unit == "1" else unit.replace("/mm", "1/mm")
