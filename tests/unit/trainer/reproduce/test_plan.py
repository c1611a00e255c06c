"""The plan is of commands that exist, in an order in which each finds what it reads."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

import ctsma_node.cli
import trainer.cli
from ctsma_node.config import load
from trainer.reproduce.plan import plan
from trainer.reproduce.scale import FULL, QUICK, SCALES, STUDENT, Scale
from trainer.reproduce.step import Program, Step

EVERY_SCALE = pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
APPS = {Program.TRAIN: trainer.cli.app, Program.NODE: ctsma_node.cli.app}
WRITTEN = {"--out", "--build", "--slices"}
"""Options that name what a step makes."""


def parse(step: Step) -> None:
    """The step's arguments as its command reads them; raises where it would not."""
    command: Any = typer.main.get_command(APPS[step.program])
    words = list(step.argv)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context(step.name, words)


@EVERY_SCALE
def test_every_command_and_option_exists(scale: Scale, tmp_path: Path) -> None:
    (tmp_path / "scan" / "950000" / "dicom").mkdir(parents=True)  # the node wants its folder to be there
    for step in plan(scale, tmp_path, jobs=3, precision="mixed"):
        parse(step)


@EVERY_SCALE
def test_each_step_reads_what_earlier_ones_made(scale: Scale) -> None:
    out, made = Path("empty"), set[Path]()
    for step in plan(scale, out):
        for read in _read(step, out):
            assert any(path.is_relative_to(read) or read.is_relative_to(path) for path in made), (
                f"{step.name} reads {read}, which nothing before it makes"
            )
        made.update(path.parent if path.suffix else path for path in step.makes)


def _read(step: Step, out: Path) -> list[Path]:
    pairs = zip(("", *step.argv), step.argv, strict=False)
    paths = [Path(word) for before, word in pairs if before not in WRITTEN]
    return [path for path in paths if path.is_relative_to(out)]


@EVERY_SCALE
def test_tables_4_to_7_and_a_bundle_that_the_node_runs(scale: Scale, tmp_path: Path) -> None:
    steps = plan(scale, tmp_path)
    names = [step.name for step in steps]
    assert len(set(names)) == len(names)
    purposes = [step.purpose for step in steps if step.tables]
    for table in ("Table 4", "Table 5", "Tables 6 and 7"):
        assert sum(each.startswith(table) for each in purposes) == 1
    assert steps[-1].program is Program.NODE
    settings = load(environ=dict(steps[-1].environment))
    assert settings.analysis.bundle_folder == tmp_path / "bundle"
    assert [step.needed for step in steps if step.tables] == [False] * len(purposes)


def test_bones_are_found_by_the_segmenter_of_the_same_run() -> None:
    for step in plan(QUICK, Path("empty")):
        if step.argv[0] in ("synthesis", "register", "patches") or step.name == "table-4":
            assert step.argv[step.argv.index("--bundle") + 1] == "empty/bones"


@EVERY_SCALE
def test_the_student_that_ships_is_the_last_and_final(scale: Scale) -> None:
    last = scale.learners[-1]
    assert last.name == STUDENT
    assert "joined" in last.options
    shipped = next(step for step in plan(scale, Path("out")) if step.name == "shipped")
    assert {"--final", "knee", "--scans"} <= set(shipped.argv)
    assert {"cnn", STUDENT} <= {each.name for each in scale.learners}


def test_the_quick_run_says_what_it_is_and_the_full_one_nothing() -> None:
    assert QUICK.note == "quick: 8 subjects, for a look, not for figures"
    assert FULL.note == ""


def test_a_command_can_be_typed() -> None:
    step = Step(
        "x",
        "",
        ("cohort", "a folder"),
        (),
        program=Program.NODE,
        environment=(("CTSMA_ANALYSIS__BUNDLE", "a b"),),
    )
    assert shlex.split(step.command) == ["CTSMA_ANALYSIS__BUNDLE=a b", "ctsma-node", "cohort", "a folder"]
    assert step.process[1:] == ("-m", "ctsma_node.cli", "cohort", "a folder")
