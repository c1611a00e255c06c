"""`ctsma-train reproduce`, every process a fake one."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.unit.trainer.reproduce.made import FakeRunner
from trainer.cli import app
from trainer.reproduce import process
from trainer.reproduce.scale import QUICK
from trainer.reproduce.step import Step


def reproduce(monkeypatch: pytest.MonkeyPatch, out: Path, runner: FakeRunner, *more: str) -> Result:
    monkeypatch.setattr(process, "run_process", runner)
    return CliRunner().invoke(app, ["reproduce", "--quick", "--out", str(out), *more])


def test_all_tables_are_printed_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = reproduce(monkeypatch, tmp_path, FakeRunner())
    assert result.exit_code == 0, result.output
    text = (tmp_path / "tables.txt").read_text()
    for name in ("table-4", "table-5", "tables-6-7", "misalignment", "bundle-scores"):
        assert f"table of {name}" in text
        assert f"table of {name}" in result.output
    assert text.count(QUICK.note) == text.count("$ ctsma-train")
    for name in ("tables.txt", "report.html", "reproduce.json", "bundle"):
        assert name in result.output
    page = (tmp_path / "report.html").read_text()
    assert "table of table-5" in page
    assert QUICK.note in page
    assert 'src="results/picture.png"' not in page  # the fake node drew none


def test_pictures_stand_below_the_tables_and_lead_to_themselves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    picture = tmp_path / "evaluation" / "regression" / "scatter-student.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"")
    reproduce(monkeypatch, tmp_path, FakeRunner())
    page = (tmp_path / "report.html").read_text()
    name = "evaluation/regression/scatter-student.png"
    assert f'<a href="{name}"><img alt="{name}" src="{name}"></a>' in page
    assert "grid-template-columns" not in page


def test_a_failure_ends_with_its_log_and_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = reproduce(monkeypatch, tmp_path, FakeRunner(fails={"register"}))
    assert result.exit_code == 1
    output = result.output
    assert "register says 29" in output
    assert "06-register.log" in output
    assert "ctsma-train register" in output
    assert "goes on from here" in output
    assert "A bundle that the node has loaded" not in output
    assert "(not made" in (tmp_path / "tables.txt").read_text()
    runner = FakeRunner()
    assert reproduce(monkeypatch, tmp_path, runner).exit_code == 0
    assert runner.ran[0] == "register"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_stops_it_is_told_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: signal.Signals
) -> None:
    def stopped(step: Step) -> None:
        if step.name == "patches":
            signal.raise_signal(number)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    result = reproduce(monkeypatch, tmp_path, FakeRunner(while_running=stopped))
    signal.signal(signal.SIGINT, before)
    assert result.exit_code == 130
    assert "goes on from here" in result.output
    runner = FakeRunner()
    assert reproduce(monkeypatch, tmp_path, runner).exit_code == 0
    assert runner.ran[0] == "patches"


def test_commands_are_printed_and_nothing_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runner = FakeRunner()
    result = reproduce(monkeypatch, tmp_path, runner, "--commands")
    assert runner.ran == []
    assert f"ctsma-train phantom --out {tmp_path}/phantom" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_a_full_run_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reproduce(monkeypatch, tmp_path, FakeRunner())
    result = CliRunner().invoke(app, ["reproduce", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "quick run" in result.output.replace("\n", " ")
