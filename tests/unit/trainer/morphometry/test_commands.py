from __future__ import annotations

import pytest
from typer.testing import CliRunner

from trainer.cli import app
from trainer.morphometry import analytic


def test_the_error_table_names_every_solid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analytic, "PIXELS", (2,))
    monkeypatch.setattr(analytic, "VOXELS", {"1:1:1": analytic.VOXELS["1:1:1"]})
    result = CliRunner().invoke(app, ["morphometry", "--angles", "1"])
    assert result.exit_code == 0, result.output
    for name in ("plates", "rods", "spheres", "Tb.Th", "Tb.Sp", "Tb.N", "BV/TV"):
        assert name in result.output


@pytest.mark.parametrize("command", ["evaluate morphometry", "calibrate-morphometry"])
def test_an_unknown_difficulty_is_named(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--difficulty", "harder"])
    assert result.exit_code == 2
    assert "harder" in result.output
