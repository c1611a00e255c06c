from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from trainer.cli import app
from trainer.morphometry import analytic, fitting, samples
from trainer.phantom.mr_acquisition import MRAcquisition


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


def calibrated_with(monkeypatch: pytest.MonkeyPatch, *options: str) -> tuple[Any, ...]:
    """What the command asks `fitting.run` for: where, and in which voxels."""
    asked: list[Any] = []

    def run(*given: Any) -> SimpleNamespace:
        asked.extend(given)
        return SimpleNamespace(provenance={"patches": 0})

    monkeypatch.setattr(fitting, "run", run)
    result = CliRunner().invoke(app, ["calibrate-morphometry", *options])
    assert result.exit_code == 0, result.output
    return tuple(asked[3:])


def test_a_calibration_is_fitted_in_the_voxels_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert calibrated_with(monkeypatch, "--out", "x.json") == (Path("x.json"), 2, None)
    assert calibrated_with(monkeypatch, "--pixel", "0.36", "--slice", "0.7")[2] == (0.36, 0.7)
    assert calibrated_with(monkeypatch, "--slice", "0.75")[2] == (0.234375, 0.75)


def test_other_voxels_are_of_the_same_field_of_view() -> None:
    plain = MRAcquisition(snr=12.0, centre=(1.0, 2.0, 3.0))
    assert plain.in_voxels(plain.pixel, plain.slice_thickness) == plain
    other = plain.in_voxels(0.36, 0.7)
    np.testing.assert_allclose(np.linalg.norm(other.affine[:3, :3], axis=0), [0.36, 0.36, 0.7])
    for grid in (plain, other):
        ends = np.array([[-0.5, -0.5, -0.5, 1.0], [*(np.array(grid.size) - 0.5), 1.0]]) @ grid.affine.T
        np.testing.assert_allclose(np.sort(ends[:, :3], axis=0), [[-47, -73, -72], [49, 77, 78]], atol=0.5)


def test_phantoms_are_scanned_in_the_voxels_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "samples_of", lambda subject: [subject.mr_acquisition])
    make = samples.maker(lambda found: {"all": list(found)}, "easy", (0.36, 0.7))
    (found,) = make(2 * 77)["all"]
    assert (found.pixel, found.slice_thickness) == (0.36, 0.7)
    (plain,) = samples.maker(lambda found: {"all": list(found)}, "easy")(2 * 77)["all"]
    assert plain.in_voxels(0.36, 0.7) == found


def test_a_file_that_is_no_calibration_is_named(tmp_path: Path) -> None:
    for text in ("{", "[]", "{}", '{"lags_mm": [1.0]}', '{"lags_mm": [0.25, 0.5, 0.75, 1.0, 1.25]}'):
        (tmp_path / "bad.json").write_text(text)
        result = CliRunner().invoke(app, ["patches", "a", "--calibration", str(tmp_path / "bad.json")])
        assert result.exit_code == 2, text
        assert "no calibration" in result.output, text
