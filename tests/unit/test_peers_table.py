"""deploy/peers.md: each cell about this node names tests that exist, and its figures are the defaults."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from ctsma_node.config import Settings
from tests.unit.test_deploy_units import EXPOSURE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deploy" / "peers.md").read_text(encoding="utf-8")
TABLES, _, _ = TEXT.partition("\n## The tests\n")

SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "days": 86400.0}
"""Of a unit in a cell, and of the one that ends a setting's name."""
PROOFS = dict(re.findall(r"^\[\^(\w+)\]: (.*(?:\n {4}.*)*)", TEXT, re.MULTILINE))
FIGURES = re.findall(r"([\d.]+) (s|min|h|days) \(`\[(\w+)\] (\w+)`\)", TABLES)


def cells() -> list[str]:
    """What stands in the column of this node, which is the last of each table."""
    rows = [line.strip("|").split("|") for line in TABLES.splitlines() if line.startswith("| ")]
    assert {row[-1].strip() for row in rows if not row[0].strip()} == {"this node"}
    return [row[-1].strip() for row in rows if row[0].strip()]


@cache
def collected_from(path: str) -> frozenset[str]:
    """Functions of a module that pytest collects and that nothing skips or expects to fail."""
    module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = [each for each in module.body if isinstance(each, ast.FunctionDef)]
    marks = {each.name: {ast.unparse(mark) for mark in each.decorator_list} for each in functions}
    return frozenset(name for name, of in marks.items() if not any(re.search("skip|xfail", m) for m in of))


def test_there_is_a_row_for_everything_that_peers_were_compared_by() -> None:
    assert len(cells()) == 5 + 7 + 6


@pytest.mark.parametrize("cell", cells())
def test_each_cell_is_proven(cell: str) -> None:
    assert re.search(r"\[\^\w+\]$", cell), "no test behind the last thing that it says"
    assert set(re.findall(r"\[\^(\w+)\]", cell)) <= PROOFS.keys()


@pytest.mark.parametrize("name", PROOFS)
def test_the_tests_that_it_names_are_collected(name: str) -> None:
    named = re.findall(r"`([^`]+)`", PROOFS[name])
    assert named
    for each in named:
        path, _, function = each.partition("::")
        assert re.fullmatch(r"tests/(\w+/)*test_\w+\.py", path)
        assert re.fullmatch(r"test_\w+", function)
        assert function in collected_from(path), each
    assert f"[^{name}]" in TABLES, "no cell refers to it"


@pytest.mark.parametrize(("number", "unit", "section", "key"), FIGURES)
def test_its_figures_are_the_defaults(number: str, unit: str, section: str, key: str) -> None:
    default = getattr(getattr(Settings(), section), key)
    assert float(number) * SECONDS[unit] == default * SECONDS[key.rpartition("_")[2]]


def test_no_figure_stands_without_its_setting() -> None:
    written = [each for cell in cells() for each in re.findall(r"[\d.]+ (?:s|min|h|days|hours?)\b", cell)]
    assert len(written) == len(FIGURES) > 5


def test_the_exposure_is_what_the_units_are_held_to() -> None:
    (most,) = re.findall(r"`systemd-analyze security` at most ([\d.]+) as installed", TABLES)
    assert float(most) == max(score for _, drop_in, score in EXPOSURE if drop_in is None)
