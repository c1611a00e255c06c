"""Print how a bundle does on unseen phantoms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import OAClass
from trainer.evaluation.knees import KneeScore, SceneScore, agreement, score_scene
from trainer.stage import progress


def evaluate_bundle(seeds: Sequence[int], bundle: Path | None, *consoles: Console) -> dict[str, Any]:
    """Score the seeds one by one, print a row each and the summary on every console; returns the figures."""
    analyser = Analyser.load(bundle)
    scenes: list[SceneScore] = []
    with progress() as bar:
        task = bar.add_task("knees", total=len(seeds), note="")
        for seed in seeds:
            scenes.append(score_scene(seed, analyser))
            bar.advance(task)
    figures = summary(scenes)
    for console in consoles:
        console.print(_rows(scenes))
        console.print(_agreement(figures))
        console.print({k: v for k, v in figures.items() if k != "agreement"})
    return figures


def summary(scenes: Sequence[SceneScore]) -> dict[str, Any]:
    """The figures of a set of scenes."""
    knees = [k for s in scenes for k in s.found]
    figures: dict[str, Any] = {
        "fields_of_view": len(scenes),
        "knees": sum(s.knees for s in scenes),
        "knees_analysed": len(knees),
        "sides_right": sum(k.side_right for k in knees),
    }
    if not knees:
        return figures
    figures |= {
        "least_dice_femur": min(k.dice_femur for k in knees),
        "least_dice_tibia": min(k.dice_tibia for k in knees),
        "mean_dice_femur": float(np.mean([k.dice_femur for k in knees])),
        "mean_dice_tibia": float(np.mean([k.dice_tibia for k in knees])),
        "seconds_per_knee": float(np.median([k.seconds for k in knees])),
        "agreement": agreement(knees),
    }
    return figures | _auc(knees)


def _auc(knees: Sequence[KneeScore]) -> dict[str, float]:
    truth = [k.oa_class is not OAClass.NORMAL for k in knees]
    if len(set(truth)) < 2:
        return {}
    return {"auc_oa": float(roc_auc_score(truth, [k.oa_probability for k in knees]))}


def _rows(scenes: Sequence[SceneScore]) -> Table:
    table = Table("seed", "acquisition", "knees", "found", "Dice femur", "Dice tibia", "refused")
    for s in scenes:
        sides = ", ".join(k.side + ("" if k.side_right else " (wrong)") for k in s.found)
        femur, tibia = (
            " ".join(f"{getattr(k, f):.3f}" for k in s.found) for f in ("dice_femur", "dice_tibia")
        )
        table.add_row(str(s.seed), s.acquisition, str(s.knees), sides, femur, tibia, s.refused)
    return table


def _agreement(figures: dict[str, Any]) -> Table:
    table = Table("parameter", "ICC(2,1)", "mean absolute error", "within one sd")
    rows = figures.get("agreement", {})
    for name, row in rows.items():
        table.add_row(name, f"{row['icc21']:.3f}", f"{row['mae']:.4f}", f"{row['coverage']:.2f}")
    if rows:
        table.add_row("mean", f"{np.mean([r['icc21'] for r in rows.values()]):.3f}", "", "")
    return table
