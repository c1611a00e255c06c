"""Wishes are files whose names say everything; the worker carries each out once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ctsma_node.commands import Action, Command, CommandFolder
from ctsma_node.errors import NodeError
from ctsma_node.ledger.asked import AskedCases
from ctsma_node.records import Case, SeriesState
from ctsma_node.worker.commands import Commands
from ctsma_node.worker.ending import Ending


@pytest.fixture
def folder(tmp_path: Path) -> CommandFolder:
    made = CommandFolder(tmp_path / "commands")
    made.prepare()
    return made


@pytest.fixture
def cases(tmp_path: Path) -> Iterator[AskedCases]:
    ledger = AskedCases(tmp_path / "ledger.sqlite3")
    yield ledger
    ledger.close()


@pytest.fixture
def commands(folder: CommandFolder, cases: AskedCases) -> Commands:
    return Commands(folder, cases, Ending(cases), lambda series_uid: 0)


def failed(cases: AskedCases) -> Case:
    case = cases.upsert_series("1.2.3", "1.2", 1.0, 3, "PACS")
    cases.move(case.id, SeriesState.STABLE)
    return cases.move(case.id, SeriesState.FAILED, code="internal_error")


def test_wishes_wait_in_order_and_the_same_twice_is_one(folder: CommandFolder) -> None:
    commands = [Command(2, 9, Action.CANCEL), Command(1, 12, Action.REQUEUE), Command(1, 3, Action.REQUEUE)]
    for command in (*commands, commands[0]):
        folder.post(command)
    assert folder.waiting() == [commands[2], commands[1], commands[0]]
    folder.remove(commands[1])
    folder.remove(commands[1])
    assert folder.waiting() == [commands[2], commands[0]]


def test_other_files_are_no_wishes(folder: CommandFolder, tmp_path: Path) -> None:
    for name in (
        "1.2.requeue.pacs",
        "1.2.resend.",
        "1.2.resend..pacs",
        "1.2.delete",
        "01.2.cancel",
        "0.1.cancel",
        "1.2.cancel.part",
        "x.1.cancel",
        f"{'9' * 19}.1.cancel",
    ):
        (tmp_path / "commands" / name).touch()
    assert folder.waiting() == []


def test_a_resend_names_where_to(folder: CommandFolder) -> None:
    commands = [Command(1, 2, Action.RESEND), Command(1, 2, Action.RESEND, "pacs_2.main-hall")]
    for command in commands:
        folder.post(command)
    assert folder.waiting() == commands
    for command in commands:
        folder.remove(command)
    assert folder.waiting() == []


def test_nobody_is_asked_where_no_worker_has_run(tmp_path: Path) -> None:
    folder = CommandFolder(tmp_path / "none")
    assert folder.waiting() == []
    with pytest.raises(NodeError, match="No worker has run here yet"):
        folder.post(Command(1, 1, Action.CANCEL))


def test_the_worker_does_what_is_asked_and_takes_the_wish_away(
    folder: CommandFolder, cases: AskedCases, commands: Commands
) -> None:
    case = failed(cases)
    folder.post(Command(case.id, cases.events(case.id)[-1].id, Action.REQUEUE))
    assert commands.carry_out()
    assert cases.get(case.id).state is SeriesState.STABLE
    assert folder.waiting() == []
    assert not commands.carry_out()
    folder.post(Command(case.id, 1, Action.CANCEL))
    assert commands.carry_out()
    assert cases.get(case.id).code == "cancelled"


def test_a_wish_about_an_older_history_or_no_case_is_void(
    folder: CommandFolder, cases: AskedCases, commands: Commands
) -> None:
    case = failed(cases)
    before = cases.events(case.id)
    folder.post(Command(case.id, before[-1].id - 1, Action.REQUEUE))
    folder.post(Command(77, 1, Action.CANCEL))
    assert commands.carry_out()
    assert folder.waiting() == []
    assert cases.events(case.id) == before
