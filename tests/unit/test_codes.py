"""Every code that the sources give is explained, and the operations manual holds the explanations."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ctsma_node.cli import app
from ctsma_node.codes import KINDS, all_codes, markdown
from ctsma_node.quota import FULL
from ctsma_node.receive import refusal
from ctsma_node.web import health
from tests.import_graph import modules_of

ROOT = Path(__file__).parents[2]
GIVERS = {"Refused", "refused", "Mark", "Deferred", "KneeNotAnalysed"}


def given() -> Iterator[tuple[str, str]]:
    """(code, where) of each literal in a call that gives a code, and of each warning's and error's action."""
    for name, path in modules_of(ROOT, ("ctsma_node",)).items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called.rpartition(".")[2] in GIVERS or called.endswith(("logger.warning", "logger.error")):
                yield from ((word, f"{name}:{node.lineno}") for word in words(node))


def words(call: ast.Call) -> Iterator[str]:
    for argument in call.args[:2]:
        alone = argument is call.args[0] and ast.unparse(call.func) == "Refused"  # may be a single word
        code = r"[a-z]+([_.][a-z]+)*" if alone else r"[a-z]+([_.][a-z]+)+"
        for node in ast.walk(argument):
            if isinstance(node, ast.Constant) and re.fullmatch(code, str(node.value)):
                yield str(node.value)


def test_every_code_in_the_sources_is_explained() -> None:
    found = list(given())
    assert len(found) > 50
    known = {each.code for each in all_codes()}
    assert sorted({f"{code} ({where})" for code, where in found if code not in known}) == []


def test_every_finding_of_the_health_is_explained() -> None:
    path = ROOT / "ctsma_node" / "web" / "health.py"
    literals = [
        str(argument.value)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("down", "Finding")
        for argument in node.args
        if isinstance(argument, ast.Constant)
    ]
    found = {code for code in literals if re.fullmatch(r"[a-z]+(_[a-z]+)+", code)}
    found |= {f"{loop}_stalled" for loop in health._STEPS} | {FULL}
    assert found == {each.code for each in all_codes() if each.kind == "health"}


def test_every_answer_to_a_c_store_is_explained() -> None:
    known = {each.code for each in all_codes() if each.kind == "quarantine"}
    assert {each.code for each in refusal.ALL} <= known


def test_a_code_is_explained_once_and_in_whole_sentences() -> None:
    codes = [each.code for each in all_codes()]
    assert len(codes) == len(set(codes))
    for each in all_codes():
        assert each.kind in KINDS
        assert each.meaning[0].isupper() or each.meaning[0] == "N", each
        assert each.to_do, each
        assert "{" not in each.meaning + each.to_do


def test_the_manual_holds_every_explanation() -> None:
    """If not: put the output of `ctsma-node codes --markdown` between its two marks."""
    manual = (ROOT / "deploy" / "operations.md").read_text(encoding="utf-8")
    _, begin, rest = manual.partition("<!-- ctsma-node codes --markdown -->\n\n")
    assert begin
    assert rest.partition("\n<!-- end -->")[0] == markdown(all_codes())


def test_the_command_explains_one_code() -> None:
    done = CliRunner().invoke(app, ["codes", "no_knee", "--markdown"])
    assert done.exit_code == 0
    assert done.output.count("| `") == 1
    assert "`no_knee`" in done.output


def test_no_code_is_cut_short_in_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(app, ["codes"]).output
    assert "unsupported_transfer_syntax" in shown
    assert "…" not in shown
    assert (
        CliRunner().invoke(app, ["codes", "unsupported_transfer_syntax"]).output.startswith("unsupported_t")
    )


def test_a_code_that_is_not_known_is_an_error_with_a_hint() -> None:
    done = CliRunner().invoke(app, ["codes", "too_thick"])
    assert done.exit_code == 2
    assert "did you mean too_thick_slices" in done.output


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_codes(kind: str) -> None:
    assert [each for each in all_codes() if each.kind == kind]
