"""Table 4 of the paper on the terminal, ours beside the printed figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from trainer.cli.app import console

_WIDTH = 126
_NUMBERS = {"TRE ± SD, mm", "95 % CI", "p", "s"}


def show_table4(figures: dict[str, Any], path: Path) -> None:
    """Print the tables of `evaluation.registration.table4.summary`, and write them as text."""
    tables = [_registration(figures), _verdicts(figures)]
    if figures["syntheses"]:
        tables.insert(0, _syntheses(figures))
    refused, pairs = figures["right_pairs_refused"], figures["pairs"]
    lines = [
        f"right pairs refused: {len(refused)} of {pairs}; of more than 3 mm registered: "
        f"{figures['pairs_beyond_3_mm_registered']}; wrong pairs registered: "
        f"{figures['wrong_pairs_registered']} of {len(figures['wrong_pairs'])}"
    ]
    with path.open("w", encoding="utf-8") as file:
        for target in (console, Console(file=file, width=_WIDTH)):
            for each in (*tables, *lines):
                target.print(each, highlight=False)


def _syntheses(figures: dict[str, Any]) -> Table:
    table = Table(title="How far a synthesis moves landmarks (Table 4, upper half)")
    for column in ("synthesis", "TRE ± SD, mm", "95 % CI", "p", "NCC", "Dice femur, tibia", "paper"):
        table.add_column(column, no_wrap=column in _NUMBERS)
    for name, each in figures["syntheses"].items():
        table.add_row(
            name,
            *_error(each),
            _p(each),
            f"{each['correlation']:.2f}",
            f"{each['overlap_femur']:.2f} {each['overlap_tibia']:.2f}",
            figures["paper_syntheses"].get(name, ""),
        )
    table.caption = "p: paired t-test against SPSNet; NCC: of sCT and CT where they fit best"
    return table


def _registration(figures: dict[str, Any]) -> Table:
    table = Table(title=f"{figures['pairs']} phantom pairs; the paper's 80 patients below")
    for column in ("method", "TRE ± SD, mm", "95 % CI", "median", "worst pair", "landmark", "p", "s"):
        table.add_column(column, no_wrap=column in _NUMBERS)
    for name, each in figures["methods"].items():
        seconds = figures["seconds"].get(name)
        table.add_row(
            name,
            *_error(each),
            f"{each['median']:.2f}",
            f"{each['largest_pair']:.2f}",
            f"{each['largest_landmark']:.2f}",
            _p(each),
            f"{seconds['median']:.1f}" if seconds else "",
        )
    table.add_section()
    for name, printed in figures["paper"].items():
        error, _, interval = printed.partition(" (")
        table.add_row(f"paper: {name}", error, interval.rstrip(")"))
    table.caption = "landmark: the worst of all; p: paired t-test against ANTs rigid; s: median CPU time"
    return table


def _verdicts(figures: dict[str, Any]) -> Table:
    table = Table("wrong pair", "verdict", "code")
    for each in figures["wrong_pairs"]:
        table.add_row(each["kind"], each["verdict"], each["code"])
    return table


def _error(each: dict[str, float]) -> tuple[str, str]:
    return "{mean:.2f} ± {sd:.2f}".format(**each), "{ci_low:.2f} to {ci_high:.2f}".format(**each)


def _p(each: dict[str, float]) -> str:
    return "" if each["p"] == 1.0 else f"{each['p']:.1e}"
