"""Steps are run in order, once; a stopped run goes on; a failure ends what depends on it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ctsma_node.errors import SettingsError
from tests.unit.trainer.reproduce.made import FakeRunner, Heard, record_in, step_of
from trainer.reproduce.record import FILE, Record
from trainer.reproduce.run import Failure, run
from trainer.reproduce.step import Step


def three(folder: Path) -> list[Step]:
    return [step_of("cohort", folder), step_of("table", folder, needed=False), step_of("bundle", folder)]


def go(folder: Path, steps: list[Step], runner: FakeRunner, *, again: bool = False) -> list[Failure]:
    runner.ran.clear()
    return run(steps, record_in(folder), runner, Heard(), again)


def test_every_step_is_run_in_order_and_written_down(tmp_path: Path) -> None:
    runner, heard = FakeRunner(), Heard()
    assert run(three(tmp_path), record_in(tmp_path), runner, heard) == []
    assert runner.ran == ["cohort", "table", "bundle"]
    assert heard.told[:2] == ["1 cohort begun", "1 cohort ended: cohort says 29"]
    written = json.loads((tmp_path / FILE).read_text())
    assert list(written["steps"]) == ["cohort", "table", "bundle"]
    assert written["steps"]["bundle"]["command"] == "ctsma-train stage"
    assert written["steps"]["bundle"]["exit_code"] == 0
    assert written["machine"]["versions"]["torch"]
    assert (tmp_path / written["steps"]["bundle"]["log"]).name == "03-bundle.log"
    assert (tmp_path / "log" / "03-bundle.log").read_text() == "log\n"


def test_what_has_ended_well_is_not_run_again(tmp_path: Path) -> None:
    runner = FakeRunner()
    go(tmp_path, three(tmp_path), runner)
    go(tmp_path, three(tmp_path), runner)
    assert runner.ran == []
    go(tmp_path, three(tmp_path), runner, again=True)
    assert runner.ran == ["cohort", "table", "bundle"]


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    def stopped(step: Step) -> None:
        if step.name == "bundle":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(tmp_path, three(tmp_path), FakeRunner(while_running=stopped))
    runner = FakeRunner()
    go(tmp_path, three(tmp_path), runner)
    assert runner.ran == ["bundle"]


def test_a_step_whose_product_is_gone_is_run_again_and_all_after_it(tmp_path: Path) -> None:
    runner = FakeRunner()
    go(tmp_path, three(tmp_path), runner)
    (tmp_path / "cohort.txt").unlink()
    go(tmp_path, three(tmp_path), runner)
    assert runner.ran == ["cohort", "table", "bundle"]


def test_an_evaluation_that_is_run_again_makes_nothing_stale(tmp_path: Path) -> None:
    runner = FakeRunner()
    go(tmp_path, three(tmp_path), runner)
    (tmp_path / "table.txt").unlink()
    go(tmp_path, three(tmp_path), runner)
    assert runner.ran == ["table"]


def test_another_command_is_another_step_but_not_for_more_processes(tmp_path: Path) -> None:
    runner = FakeRunner()
    steps = [step_of("cohort", tmp_path, argv=("cohort", "--jobs", "2"))]
    go(tmp_path, steps, runner)
    go(tmp_path, [replace(steps[0], argv=("cohort", "--jobs", "16"))], runner)
    assert runner.ran == []
    go(tmp_path, [replace(steps[0], argv=("cohort", "--jobs", "16", "--verify"))], runner)
    assert runner.ran == ["cohort"]


def test_a_needed_step_that_fails_ends_the_run(tmp_path: Path) -> None:
    runner = FakeRunner(fails={"cohort"})
    (failure,) = go(tmp_path, three(tmp_path), runner)
    assert runner.ran == ["cohort"]
    assert failure.entry.exit_code == 3
    assert failure.tail[-2:] == ("cohort says 29", "┗━━━┛")
    runner.fails.clear()
    assert go(tmp_path, three(tmp_path), runner) == []


def test_an_evaluation_that_fails_does_not(tmp_path: Path) -> None:
    runner = FakeRunner(fails={"table"})
    (failure,) = go(tmp_path, three(tmp_path), runner)
    assert failure.step.name == "table"
    assert runner.ran == ["cohort", "table", "bundle"]
    go(tmp_path, three(tmp_path), runner)
    assert runner.ran == ["table"]


def test_a_step_that_makes_nothing_has_failed_whatever_it_says(tmp_path: Path) -> None:
    (failure,) = go(tmp_path, three(tmp_path), FakeRunner(makes_nothing={"cohort"}))
    assert failure.entry.exit_code == 1
    assert "did not make" in failure.tail[-1]
    assert "cohort.txt" in failure.tail[-1]


def test_a_folder_of_another_scale_is_refused(tmp_path: Path) -> None:
    go(tmp_path, three(tmp_path), FakeRunner())
    with pytest.raises(SettingsError, match="holds a quick run"):
        Record.of(tmp_path, "full", 80)
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(SettingsError, match="cannot be read"):
        record_in(tmp_path)
