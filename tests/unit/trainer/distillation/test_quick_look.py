"""A quick look at a few folds never takes the place of the answers to all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.unit.trainer.distillation.cohorts import write_cohort
from trainer.cli import app
from trainer.evaluation.regression import predictions

BELOW = Path("build") / "regression"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with patches and with teachers of all folds."""
    folder = tmp_path_factory.mktemp("here")
    write_cohort(folder / "build" / "patches", patches=12)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert short("teacher").exit_code == 0
    return folder


@pytest.fixture
def here(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def short(role: str, *options: str) -> Result:
    return CliRunner().invoke(app, [role, "--steps", "2", "--jobs", "1", "--precision", "single", *options])


def test_it_goes_into_a_folder_of_its_own(here: Path) -> None:
    assert short("student", "--folds", "2").exit_code == 0, "taught by the teachers of all"
    assert short("teacher", "--folds", "2").exit_code == 0
    shutil.rmtree(here / BELOW / "student-2-folds")
    assert short("student", "--folds", "2").exit_code == 0, "taught by those of the quick look"
    names = ["student-2-folds", "teacher", "teacher-2-folds"]
    assert sorted(path.name for path in (here / BELOW).iterdir()) == names
    assert [predictions.read(here / BELOW / name).folds for name in names] == [[0, 1], [0, 1, 2], [0, 1]]


def test_it_is_not_written_over_the_answers_to_all(here: Path) -> None:
    result = short("teacher", "--folds", "2", "--out", str(BELOW / "teacher"))
    assert result.exit_code == 2
    assert "(folds)" in " ".join(result.output.split())
    assert predictions.read(here / BELOW / "teacher").folds == [0, 1, 2]


def test_it_may_grow(here: Path) -> None:
    assert short("teacher", "--folds", "2", "--out", "look").exit_code == 0
    assert short("teacher", "--folds", "3", "--out", "look").exit_code == 0
    assert short("teacher", "--out", "look").exit_code == 0
    assert predictions.read(here / "look").folds == [0, 1, 2]
    assert short("teacher", "--folds", "3", "--out", "look").exit_code == 2
