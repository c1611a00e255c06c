"""Table 5 of the paper on the terminal, ours beside the printed figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from trainer.cli.app import console

_WIDTH = 118


def show_table5(figures: dict[str, Any], path: Path) -> None:
    """Print the tables of `evaluation.regression.stage.evaluate`, and write them as text."""
    tables = [_icc(figures), _forms(figures)]
    if figures["comparisons"]:
        tables.append(_comparisons(figures))
    tables.append(_bias(figures))
    if any(each["coverage"] for each in figures["methods"].values()):
        tables.append(_coverage(figures))
    with path.open("w", encoding="utf-8") as file:
        text = Console(file=file, width=_WIDTH)
        for table in tables:
            console.print(table)
            text.print(table)


def _icc(figures: dict[str, Any]) -> Table:
    methods, paper = figures["methods"], figures["paper"]
    first = next(iter(methods.values()))
    table = Table(
        "",
        *methods,
        *(f"paper: {name}" for name in paper),
        title=f"Table 5: ICC(2,1), mean ± SD over {len(first['folds'])} folds, pooled with its 95 % interval "
        f"over {first['patients']} patients; {first['patches']} patches",
    )
    for row in first["icc21"]:
        ours = [_cell(each["icc21"][row]) for each in methods.values()]
        theirs = ["{:.3f} ± {:.3f}".format(*each[row]) for each in paper.values()]
        table.add_row(row, *ours, *theirs)
    return table


def _cell(of: dict[str, float]) -> str:
    return f"{of['mean']:.3f} ± {of['sd']:.3f}\n{of['pooled']:.3f} ({of['low']:.3f} to {of['high']:.3f})"


def _forms(figures: dict[str, Any]) -> Table:
    """The other forms of the ICC, pooled."""
    table = Table("", *figures["methods"], title="pooled: ICC(2,1) / ICC(3,1) / ICC(2,1) within patients")
    forms = ("icc21", "icc31", "within")
    for row in next(iter(figures["methods"].values()))["icc21"]:
        table.add_row(
            row,
            *(
                " / ".join(f"{each[form][row]['pooled']:.3f}" for form in forms)
                for each in figures["methods"].values()
            ),
        )
    return table


def _comparisons(figures: dict[str, Any]) -> Table:
    table = Table(
        "first less second",
        "ICC(2,1), 95 % interval",
        "p over folds",
        "error, SDs of the label",
        "p over patients",
        "Holm",
        title="overall, paired; positive: the first is better",
    )
    for each in figures["comparisons"]:
        icc, folds, patients = (each[name]["overall"] for name in ("icc21", "folds", "patients"))
        table.add_row(
            f"{each['first']} - {each['second']}",
            f"{icc['difference']:+.3f} ({icc['low']:+.3f} to {icc['high']:+.3f})",
            _p(folds["p"]),
            f"{patients['difference']:+.3f} ({patients['low']:+.3f} to {patients['high']:+.3f})",
            _p(patients["p"]),
            _p(patients["p_holm"]),
        )
    return table


def _bias(figures: dict[str, Any]) -> Table:
    table = Table("", *figures["methods"], title="Bland-Altman: bias (limits of agreement), slope")
    for parameter in next(iter(figures["methods"].values()))["bland_altman"]:
        cells = []
        for each in figures["methods"].values():
            of = each["bland_altman"][parameter]
            cells.append(f"{of['bias']:+.3f} ({of['low']:+.3f} to {of['high']:+.3f}), {of['slope']:+.2f}")
        table.add_row(parameter, *cells)
    return table


def _coverage(figures: dict[str, Any]) -> Table:
    given = {name: each["coverage"] for name, each in figures["methods"].items() if each["coverage"]}
    table = Table("", *given, title="labels in 90 % intervals, %: all (95 % interval), SD of patients; width")
    for parameter in next(iter(given.values())):
        cells = []
        for each in given.values():
            of = each[parameter]
            share, low, high, sd = (100 * of[name] for name in ("covered", "low", "high", "patients_sd"))
            cells.append(f"{share:.1f} ({low:.1f} to {high:.1f}), {sd:.1f}; {of['width']:.3f}")
        table.add_row(parameter, *cells)
    return table


def _p(p: float) -> str:
    return "<.001" if p < 0.001 else f"{p:.3f}"
