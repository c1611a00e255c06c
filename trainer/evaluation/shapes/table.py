"""The table of `evaluate shapes`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import OAClass, Parameter
from trainer.evaluation.shapes.answers import Answer, answer
from trainer.phantom.shapes import read_shapes
from trainer.phantom.structure import Part
from trainer.stage import progress

Figures = dict[str, Any]

_MOST_COLUMNS = 4
"""More shapes than these are shown together only."""


def evaluate(
    files: Sequence[Path],
    labels: Mapping[Part, int],
    left: bool,
    bundle: Path | None,
    seeds: Sequence[int],
    console: Console,
) -> Figures:
    """Draw a knee for each seed, in the files' shapes by turns, and print what the node makes of them.

    Raises SettingsError for a file that holds no shapes.
    """
    shapes = [read_shapes(path, labels, left) for path in files]
    analyser = Analyser.load(bundle, device="cpu")
    answers = []
    with progress() as bar:
        task = bar.add_task("knees", total=len(seeds), note="")
        for n, seed in enumerate(seeds):
            answers.append(answer(seed, files[n % len(files)], shapes[n % len(files)], analyser))
            bar.update(task, advance=1, note=f"{seed}: {answers[-1].refused or 'measured'}")
    figures = summary(answers)
    console.print(table(figures))
    return figures


def summary(answers: Sequence[Answer]) -> Figures:
    """Counts, and median and least of each figure over the measured knees, of each file and of all."""
    of = {name: [a for a in answers if a.shape == name] for name in sorted({a.shape for a in answers})}
    return {
        "shapes": {name: _of_one(group) for name, group in of.items()},
        "all": _of_one(answers),
        "answers": [asdict(each) for each in answers],
    }


def _of_one(answers: Sequence[Answer]) -> Figures:
    measured = [a for a in answers if not a.refused]
    dice = np.array([a.dice for a in measured]).reshape(-1, len(Part))
    correlation = np.array([a.correlation for a in measured]).reshape(-1, len(tuple(Parameter)))
    return {
        "knees": len(answers),
        "refused": dict(Counter(a.refused for a in answers if a.refused)),
        "side right": sum(a.side_is_right for a in measured),
        "marks": dict(Counter(code for a in measured for code in a.marks)),
        "above one half": _above_half(measured),
        "dice": {part.value: _spread(dice[:, n]) for n, part in enumerate(Part)},
        "correlation": {p.value: _spread(correlation[:, n]) for n, p in enumerate(Parameter)},
    }


def _above_half(answers: Sequence[Answer]) -> str:
    """Of the knees drawn as each class, how many have a probability of osteoarthritis above one half."""
    said = []
    for each in OAClass:
        found = [a.oa_probability or 0.0 for a in answers if a.oa_class == each.value]
        said.append(f"{sum(p > 0.5 for p in found)} of {len(found)} {each.value}")
    return ", ".join(said)


def _spread(values: Any) -> tuple[float, float] | None:
    """Median and least."""
    return (float(np.median(values)), float(values.min())) if len(values) else None


def table(figures: Figures) -> Table:
    """A column for each file where they are few, and one for all."""
    shapes: dict[str, Figures] = figures["shapes"]
    columns = shapes if len(shapes) <= _MOST_COLUMNS else {}
    if len(shapes) > 1:
        columns = columns | {f"all {len(shapes)} shapes": figures["all"]}
    shown = Table("", *columns, title="median (least) of the measured knees")
    rows = columns.values()
    shown.add_row("knees", *(str(row["knees"]) for row in rows))
    for name in ("refused", "side right", "marks", "above one half"):
        shown.add_row(name, *(_said(row[name]) for row in rows))
    for kind, names in (("dice", tuple(Part)), ("correlation", tuple(Parameter))):
        for each in names:
            shown.add_row(f"{kind}, {each.value}", *(_shown(row[kind][each.value]) for row in rows))
    return shown


def _said(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{n} x {code}" for code, n in value.items()) or "none"


def _shown(spread: tuple[float, float] | None) -> str:
    return "" if spread is None else f"{spread[0]:.3f} ({spread[1]:.3f})"
