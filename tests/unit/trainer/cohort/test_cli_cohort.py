"""The commands: exit codes, and errors that say what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from tests.fixtures.paired_archive import ct, save, save_pair
from trainer.cli import app
from trainer.cohort.clinical import COLUMNS

RUNNER = CliRunner()


@pytest.fixture
def limits(tmp_path: Path) -> Path:
    path = tmp_path / "limits.toml"
    path.write_text("min_ct_slices = 4\nmin_mr_slices = 4\n")
    return path


def cohort(tmp_path: Path, *options: object) -> tuple[int, str]:
    command = ["cohort", str(tmp_path / "archive"), "--out", str(tmp_path / "out"), "--jobs", "1"]
    done = RUNNER.invoke(app, [*command, *map(str, options)], env={"COLUMNS": "160"})
    return done.exit_code, " ".join(done.output.split())


def test_with_pairs_0_and_without_3(tmp_path: Path, limits: Path) -> None:
    save(tmp_path / "archive", ct("alone"))
    code, said = cohort(tmp_path, "--settings", limits)
    assert code == 3
    assert "no_mr" in said
    assert "No pair was found" in said
    save_pair(tmp_path / "archive", "good")
    code, said = cohort(tmp_path, "--settings", limits)
    assert code == 0
    assert "1 pairs of 1 patients" in said


def test_export_after_cohort(tmp_path: Path, limits: Path) -> None:
    save_pair(tmp_path / "archive", "good")
    assert cohort(tmp_path, "--settings", limits)[0] == 0
    command = ["cohort-export", str(tmp_path / "archive"), str(tmp_path / "new")]
    done = RUNNER.invoke(app, [*command, "--cohort", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "1 of 1 pairs" in done.output
    done = RUNNER.invoke(app, [*command, "--cohort", str(tmp_path / "nothing")], env={"COLUMNS": "400"})
    assert done.exit_code == 2
    assert "make it with: ctsma-train cohort" in done.output


def test_an_archive_that_is_not_there(tmp_path: Path) -> None:
    code, said = cohort(tmp_path)
    assert code == 2
    assert "no such folder" in said


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("min_ct_slice = 4", "did you mean min_ct_slices?"),
        ("folds = 1", "folds: Input should be greater than or equal to 2"),
        ("folds = ", "no TOML"),
    ],
)
def test_settings_say_which_key_is_wrong(tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "wrong.toml").write_text(content)
    code, said = cohort(tmp_path, "--settings", tmp_path / "wrong.toml")
    assert code == 2
    assert why in said


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path, limits: Path) -> None:
    save_pair(tmp_path / "archive", "good")
    secret = tmp_path / "secret"
    secret.write_text("ab" * 32)
    secret.chmod(0o644)
    code, said = cohort(tmp_path, "--settings", limits, "--secret", secret)
    assert code == 2
    assert "chmod 600" in said


def test_markup_in_a_path_is_shown_as_it_is(tmp_path: Path, limits: Path) -> None:
    save_pair(tmp_path / "archive", "good")
    (tmp_path / "archive" / "[red]note.txt").write_text("x" * 200)
    assert "[red]note.txt" in cohort(tmp_path, "--settings", limits)[1]


def test_the_readme_names_commands_columns_and_options_that_exist() -> None:
    readme = (Path(__file__).parents[4] / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Your own cohort")[2].partition("\n## ")[0]
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    named = set(re.findall(r"ctsma-train ([a-z-]+)", section))
    assert {"cohort", "cohort-export"} <= named <= set(commands)
    known = {name for command in named for p in commands[command].params for name in p.opts}
    assert set(re.findall(r"--[a-z-]+", section)) <= known
    assert all(f"`{column.removeprefix('moaks_')}`" in section for column in COLUMNS)
