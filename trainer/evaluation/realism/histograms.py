"""Distributions of the drawn knees beside published ranges, and figures by depth and grade."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ctsma_node.analysis.result import Bone, OAClass
from trainer.evaluation.realism.compare import of_classes, values_of
from trainer.evaluation.realism.demography import Table
from trainer.evaluation.realism.pictures import save
from trainer.evaluation.realism.published import MEMORY, Published
from trainer.evaluation.realism.ranges import RANGES
from trainer.evaluation.realism.zones import COMPARTMENTS, DEPTHS
from trainer.morphometry.parameters import NAMES

COLOURS = {OAClass.NORMAL: "#2b8cbe", OAClass.MILD: "#f0a030", OAClass.ADVANCED: "#c0392b"}
UNITS = ("", "mm", "mm", "1/mm")


def range_picture(table: Table, path: Path) -> None:
    """A small histogram for each published range, which is shaded: green, or grey if unverified."""
    columns = 5
    figure = Figure(figsize=(15.0, 2.4 * -(-len(RANGES) // columns)), dpi=80, layout="constrained")
    axes = figure.subplots(-(-len(RANGES) // columns), columns).ravel()
    for axis, published in zip(axes, RANGES, strict=False):
        _range(axis, table, published)
    for axis in axes[len(RANGES) :]:
        axis.set_axis_off()
    save(figure, path)


def _range(axis: Axes, table: Table, p: Published) -> None:
    chosen = of_classes(table, p.classes)
    if p.women is not None:
        chosen &= (table["woman"] > 0.5) == p.women
    values = values_of(table, p.keys)
    low, high = min(p.low, np.nanmin(values[chosen])), max(p.high, np.nanmax(values[chosen]))
    edges = np.linspace(low - 0.05 * (high - low), high + 0.05 * (high - low), 16).tolist()
    groups = [values[chosen & of_classes(table, (c,))] for c in p.classes]
    axis.axvspan(p.low, p.high, color="#bbbbbb" if p.source == MEMORY else "#a6d96a", alpha=0.5, linewidth=0)
    axis.hist(groups, edges, stacked=True, color=[COLOURS[c] for c in p.classes])
    axis.set_title(f"{p.figure}{', ' + p.unit if p.unit else ''}", fontsize=7, wrap=True)
    axis.tick_params(labelsize=7)
    axis.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))


def depth_picture(table: Table, path: Path) -> None:
    """The four parameters and HU by depth, compartment and group."""
    names = (*NAMES, "HU")
    figure = Figure(figsize=(15.0, 5.4), dpi=80, layout="constrained")
    axes = figure.subplots(2, len(names), sharex=True)
    for row, bone in zip(axes, Bone, strict=True):
        for axis, name, unit in zip(row, names, (*UNITS, ""), strict=True):
            _depths(axis, table, name, bone)
            axis.set_title(f"{name}{', ' + unit if unit else ''}, {bone}", fontsize=9)
            axis.tick_params(labelsize=8)
            axis.set_ylim(bottom=0.0)
    axes[1][0].set_xlabel("mm under the plate (HU: under the surface)", fontsize=8)
    axes[0][0].legend(fontsize=7, frameon=False)
    save(figure, path)


def _depths(axis: Axes, table: Table, name: str, bone: Bone) -> None:
    middle = [0.5 * (low + high) for low, high in DEPTHS]
    for oa_class, colour in COLOURS.items():
        for compartment, line in zip(COMPARTMENTS, ("-", "--"), strict=True):
            keys = [f"{name} {bone} {compartment} {low:g}-{high:g} mm" for low, high in DEPTHS]
            chosen = of_classes(table, (oa_class,))
            means = [float(np.nanmean(table[key][chosen])) if chosen.any() else np.nan for key in keys]
            axis.plot(
                middle,
                means,
                line,
                color=colour,
                marker="o",
                markersize=3,
                label=f"{oa_class}, {compartment}",
            )


def grade_picture(table: Table, path: Path) -> None:
    """MOAKS, joint space, age and flexion by grade, and the MR's noise as asked and as measured."""
    figure = Figure(figsize=(15.0, 2.9), dpi=80, layout="constrained")
    axes = figure.subplots(1, 6)
    jitter = np.random.default_rng(0).uniform(-0.15, 0.15, len(table["KL"]))
    names = ("MOAKS sum", "joint space smallest", "age", "flexion CT", "flexion MR")
    units = ("", "mm", "years", "degrees", "degrees")
    for axis, name, unit in zip(axes, names, units, strict=False):
        axis.scatter(
            table["KL"] + jitter, table[name], s=9, c=[list(COLOURS.values())[int(c)] for c in table["class"]]
        )
        axis.set_title(f"{name}{', ' + unit if unit else ''}", fontsize=9)
        axis.set_xlabel("Kellgren-Lawrence grade", fontsize=8)
    axes[5].scatter(table["MR SNR asked"], table["MR SNR marrow"], s=9, color="#444444")
    ends = [table["MR SNR asked"].min(), table["MR SNR asked"].max()]
    axes[5].plot(ends, ends, color="#888888", linewidth=0.8)
    axes[5].set_title("SNR: measured by asked", fontsize=9)
    save(figure, path)
