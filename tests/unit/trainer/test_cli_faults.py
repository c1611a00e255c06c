"""What a user got wrong is said in a line, and ends with 2; nothing ends in a traceback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.unit.trainer.distillation.cohorts import write_cohort
from trainer.cli import app
from trainer.evaluation.regression import predictions
from trainer.evaluation.regression.predictions import Predictions


def invoke(*words: object) -> str:
    """What a command says that ends with 2."""
    done = CliRunner().invoke(app, [*map(str, words)], env={"COLUMNS": "200"})
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 2
    return " ".join(done.output.split())


@pytest.mark.parametrize("command", ["teacher", "student", "aggregator", "evaluate patients x", "cohort x"])
def test_no_process_at_all_is_refused(command: str) -> None:
    assert "--jobs" in invoke(*command.split(), "--jobs", "0")


@pytest.mark.parametrize("option", ["--knees", "--steps"])
def test_an_aggregator_of_nothing_is_refused(option: str) -> None:
    assert option in invoke("aggregator", option, "0")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("")
    return path


def test_an_out_that_is_a_file_is_named(file: Path, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    assert (
        CliRunner().invoke(app, ["cohort", str(tmp_path / "archive"), "--out", str(tmp_path)]).exit_code == 3
    )
    cohort = ["--cohort", tmp_path, "--transforms", tmp_path]
    assert "file" in invoke("patches", tmp_path / "archive", *cohort, "--out", file)
    assert "file" in invoke("scans", "--out", file, "--jobs", "1")
    patches = write_cohort(tmp_path / "patches", patches=3)
    assert "file" in invoke("radiomics", "--patches", patches, "--out", file)
    assert "file" in invoke("keys", file / "keys")


def test_patches_that_are_not_there_are_named(tmp_path: Path) -> None:
    ones = np.ones((6, 4), dtype=np.float32)
    found = Predictions(
        estimate=ones,
        label=ones,
        pair=np.array([f"P{n}-R" for n in range(6)]),
        fold=(np.arange(6) % 3).astype(np.int16),
        bone=np.zeros(6, dtype=np.uint8),
        subregion=np.ones(6, dtype=np.uint8),
        row=np.zeros(6, dtype=np.int32),
    )
    predictions.write(tmp_path / "student", found)
    for command in ("misalignment", "patients"):
        said = invoke("evaluate", command, tmp_path / "student", "--patches", tmp_path / "none")
        assert "none/patches.zarr: no patches; make them with: ctsma-train patches" in said
