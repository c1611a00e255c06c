from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from ctsma_node.errors import Refused
from tests.unit.trainer.synthesis.scenes import entry
from trainer.cli.app import app
from trainer.cohort import manifest
from trainer.evaluation.registration import stage as evaluation
from trainer.registration import stage

RUNNER = CliRunner()
ROW = {"error_mm": 0.1, "reason": "the bones differ", "verdict": "registered"}


def registered(monkeypatch: pytest.MonkeyPatch, codes: dict[str, str]) -> None:
    def run(request: stage.RegisterRequest) -> list[dict[str, Any]]:
        return [{**ROW, "pair_id": name, "code": code} for name, code in codes.items()]

    monkeypatch.setattr(stage, "run", run)
    monkeypatch.setattr(stage, "count_pairs", lambda cohort: len(codes))


def test_what_is_not_registered_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    registered(monkeypatch, {"P1-R": "", "P2-L": "other_side"})
    result = RUNNER.invoke(app, ["register", str(tmp_path), "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "P2-L" in result.output
    assert "other_side" in result.output
    assert "1 of 2 pairs registered" in result.output


def test_no_pair_registered_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    registered(monkeypatch, {"P2-L": "other_side"})
    assert RUNNER.invoke(app, ["register", str(tmp_path)]).exit_code == 3


def test_a_pair_whose_knee_is_not_found_is_named_and_not_evaluated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_knee(*_: object) -> None:
        raise Refused("no_knee", "No knee was found.")

    pairs = [entry(name) for name in ("P1-R", "P2-L")]
    monkeypatch.setattr(evaluation, "read_scans", no_knee)
    monkeypatch.setattr(manifest, "read_manifest", lambda _: SimpleNamespace(pairs=pairs))
    asked = ["evaluate", "registration", str(tmp_path), "--out", str(tmp_path)]
    result = RUNNER.invoke(app, asked)
    assert result.exit_code == 3, result.output
    assert "P2-L: no_knee" in result.output


@pytest.mark.parametrize("command", ["register", "evaluate registration"])
def test_without_a_cohort_the_way_to_one_is_told(command: str, tmp_path: Path) -> None:
    result = RUNNER.invoke(app, [*command.split(), str(tmp_path), "--cohort", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "ctsma-train cohort" in result.output.replace("\n", " ")
