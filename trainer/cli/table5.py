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
    if "ceiling" in figures:
        tables.append(_ceiling(figures["ceiling"]))
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
    """A row for each method, then the paper's: methods are many, parameters few."""
    first = _first(figures)
    table = Table(
        "method",
        *first["icc21"],
        title=f"Table 5: ICC(2,1), mean ± SD over {len(first['folds'])} folds; pooled, with its 95 % "
        f"interval over {first['patients']} patients; {first['patches']} patches",
    )
    for name, each in figures["methods"].items():
        table.add_row(name, *(_cell(of) for of in each["icc21"].values()))
    table.add_section()
    for name, each in figures["paper"].items():
        table.add_row(f"paper: {name}", *("{:.3f} ± {:.3f}".format(*of) for of in each.values()))
    return table


def _first(figures: dict[str, Any]) -> dict[str, Any]:
    return dict(next(iter(figures["methods"].values())))


def _cell(of: dict[str, float]) -> str:
    return f"{of['mean']:.3f} ± {of['sd']:.3f}\n{of['pooled']:.3f} ({of['low']:.3f}-{of['high']:.3f})"


def _forms(figures: dict[str, Any]) -> Table:
    """The other forms of the ICC, pooled."""
    rows = _first(figures)["icc21"]
    table = Table("method", *rows, title="pooled: ICC(2,1), ICC(3,1), ICC(2,1) within patients")
    for name, each in figures["methods"].items():
        forms = [each[form] for form in ("icc21", "icc31", "within")]
        table.add_row(name, *("  ".join(f"{form[row]['pooled']:.3f}" for form in forms) for row in rows))
    return table


def _ceiling(of: dict[str, Any]) -> Table:
    title = (
        "ICC(2,1), pooled, by labels through registered and through true transforms: "
        f"{of['patches']} patches of {of['pairs']} pairs"
    )
    table = Table("method", *of["labels"], title=title)
    table.add_row("(the labels with each other)", *(f"{value:.4f}" for value in of["labels"].values()))
    for name, each in of["methods"].items():
        both = zip(each["registered"].values(), each["true"].values(), strict=True)
        table.add_row(name, *(f"{registered:.3f}  {true:.3f}" for registered, true in both))
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
    table = Table(
        "method", *_first(figures)["bland_altman"], title="Bland-Altman: bias, slope (limits of agreement)"
    )
    for name, each in figures["methods"].items():
        table.add_row(
            name,
            *(
                f"{of['bias']:+.3f}, slope {of['slope']:+.2f}\n({of['low']:+.3f} to {of['high']:+.3f})"
                for of in each["bland_altman"].values()
            ),
        )
    return table


def _coverage(figures: dict[str, Any]) -> Table:
    title = "labels in 90 % intervals, %: all (95 % interval over patients); SD of patients, width"
    table = Table("method", *_first(figures)["bland_altman"], title=title)
    for name, each in figures["methods"].items():
        if each["coverage"]:
            table.add_row(name, *(_covered(of) for of in each["coverage"].values()))
    return table


def _covered(of: dict[str, float]) -> str:
    share, low, high, sd = (100 * of[name] for name in ("covered", "low", "high", "patients_sd"))
    return f"{share:.1f} ({low:.1f} to {high:.1f})\nSD {sd:.1f}, width {of['width']:.3f}"


def _p(p: float) -> str:
    return "<.001" if p < 0.001 else f"{p:.3f}"


def show_robustness(figures: dict[str, dict[str, Any]], path: Path) -> None:
    """Print the ICCs of `conditions.by_protocol` for each method, and write them as text."""
    with path.open("w", encoding="utf-8") as file:
        text = Console(file=file, width=_WIDTH)
        for method, protocols in figures.items():
            rows = next(iter(protocols.values()))
            table = Table("protocol", *rows, title=f"{method}: ICC(2,1), pooled, by how the CT was scanned")
            for name, of in protocols.items():
                table.add_row(name, *(_pooled(each) for each in of.values()))
            for target in (console, text):
                target.print(table)


def show_misalignment(curves: dict[str, Any], path: Path) -> None:
    """Print the points of `shift.shift_curve` for each method, and write them as text."""
    with path.open("w", encoding="utf-8") as file:
        text = Console(file=file, width=_WIDTH)
        for method, points in curves.items():
            table = Table(
                "shift, mm",
                *points[0].icc21,
                title=f"{method}: ICC(2,1), pooled, of {points[0].patches} patches by shift of the MR",
            )
            for point in points:
                table.add_row(f"{point.shift_mm:g}", *(_pooled(each) for each in point.icc21.values()))
            for target in (console, text):
                target.print(table)


def _pooled(of: dict[str, float]) -> str:
    return f"{of['pooled']:.3f}"
