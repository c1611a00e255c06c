"""Tables 6 and 7 of the paper on the terminal, ours beside the printed figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from trainer.cli.app import console

_WIDTH = 132
_NAMES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "auc": "AUC",
    "mae": "MOAKS MAE",
    "r2": "MOAKS R2",
    "total_mae": "total's MAE",
    "total_r2": "total's R2",
}
_PAPERS = ("precision", "recall", "f1", "auc", "mae", "r2")
_POOLED = {
    "f1": "F1",
    "r2": "MOAKS R2",
    "total_r2": "total's R2",
    "severity_auc": "AUC, mild or advanced",
    "severity_f1": "F1, mild or advanced",
    "ece": "calibration error",
    "ece_by_chance": "if right",
}


def show_tables67(figures: dict[str, Any], path: Path) -> None:
    """Print the tables of `evaluation.patients.stage.evaluate`, and write them as text."""
    with path.open("w", encoding="utf-8") as file:
        for target in (console, Console(file=file, width=_WIDTH)):
            for table in (_scores(figures), _pooled(figures), _comparisons(figures)):
                target.print(table)
            if dealt := figures.get("shuffled"):
                target.print(
                    f"labels dealt to other knees: AUC {sum(dealt) / len(dealt):.3f} "
                    f"({min(dealt):.3f} to {max(dealt):.3f} in {len(dealt)} deals)"
                )


def _scores(figures: dict[str, Any]) -> Table:
    table = Table(
        "parameters of, aggregator",
        *_NAMES.values(),
        title="Tables 6 and 7: mean ± SD over folds",
    )
    for name, each in figures["entries"].items():
        cells = [each["folds"][row] for row in _NAMES]
        table.add_row(name, *(f"{c['mean']:.3f}\n± {c['sd']:.3f}" for c in cells))
    table.add_section()
    for name, row in figures["paper"].items():
        table.add_row(f"paper: {name}", *("{:.3f}\n± {:.3f}".format(*row[key]) for key in _PAPERS))
    return table


def _pooled(figures: dict[str, Any]) -> Table:
    table = Table("", "knees", "AUC, 95 % interval", *_POOLED.values(), title="pooled over all knees")
    for name, each in figures["entries"].items():
        p, (low, high) = each["pooled"], each["auc_interval"]
        auc = f"{p['auc']:.3f}\n({low:.3f} to {high:.3f})"
        table.add_row(name, f"{p['knees']:.0f}", auc, *(f"{p[row]:.3f}" for row in _POOLED))
    return table


def _comparisons(figures: dict[str, Any]) -> Table:
    table = Table("first less second", "AUC, 95 % interval", "p, bootstrap", "p over folds", title="paired")
    for each in figures["comparisons"]:
        low, high = each["interval"]
        table.add_row(
            f"{each['first']} - {each['second']}",
            f"{each['auc']:+.3f} ({low:+.3f} to {high:+.3f})",
            f"{each['p']:.3f}",
            f"{each['p_folds']:.3f}",
        )
    return table
