"""A file of an earlier version becomes one of this version, with all its rows, and a copy stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from ctsma_node.ledger.cases import Cases, CasesReader
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.ledger.migrations import STEPS, version_of
from ctsma_node.ledger.sqlite import LedgerError
from ctsma_node.records import SeriesState

LEDGER = resources.files("ctsma_node.ledger")


@pytest.fixture
def first_version(tmp_path: Path) -> Path:
    """The worker's file as version 1 left it, with one case."""
    path = tmp_path / "ledger.sqlite3"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(LEDGER.joinpath("cases.sql").read_text(encoding="utf-8"))
        old.executescript(
            """INSERT INTO series VALUES ('1.2.3', '1.2', 'PACS');
               INSERT INTO revision (series_uid, number, state, created_at, updated_at, last_instance_at,
                                     n_instances) VALUES ('1.2.3', 1, 'receiving', 1, 1, 1, 40);
               PRAGMA user_version = 1;"""
        )
    return path


@pytest.fixture
def one_step_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of the node whose worker's file has one step more, which fails behind its first statement."""
    monkeypatch.setitem(STEPS, "cases.sql", (*STEPS["cases.sql"], "broken.sql"))
    texts = {"broken.sql": "CREATE TABLE half (done INTEGER); SELECT * FROM nowhere;"}

    class Files:
        def joinpath(self, name: str) -> Files:
            self.name = name
            return self

        def read_text(self, encoding: str) -> str:
            return texts.get(self.name) or LEDGER.joinpath(self.name).read_text(encoding=encoding)

    monkeypatch.setattr("importlib.resources.files", lambda _: Files())


def shape(path: Path) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(path)) as file:
        return set(file.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master"))


def test_a_file_of_the_first_version_keeps_its_cases(first_version: Path) -> None:
    cases = Cases(first_version)
    (case,) = cases.in_state()
    assert (case.series_uid, case.state, case.n_instances) == ("1.2.3", SeriesState.RECEIVING, 40)
    assert cases.move(case.id, SeriesState.STABLE).state is SeriesState.STABLE
    cases.close()


def test_a_migrated_file_is_as_a_new_one(first_version: Path, tmp_path: Path) -> None:
    Cases(first_version).close()
    new = tmp_path / "new.sqlite3"
    Cases(new).close()
    assert shape(first_version) == shape(new)
    for path in (first_version, new):
        with closing(sqlite3.connect(path)) as file:
            assert file.execute("PRAGMA user_version").fetchone()[0] == version_of("cases.sql")


@pytest.mark.parametrize("ledger", [Cases, Inbox])
def test_a_new_file_leaves_no_copy(tmp_path: Path, ledger: type[Cases] | type[Inbox]) -> None:
    for _ in range(2):
        ledger(tmp_path / "a.sqlite3").close()
    assert list(tmp_path.glob("*.bak")) == []


def test_a_step_that_fails_leaves_the_file_as_it_was(first_version: Path, one_step_more: None) -> None:
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        Cases(first_version)
    with closing(sqlite3.connect(first_version)) as file:
        assert file.execute("PRAGMA user_version").fetchone()[0] == version_of("cases.sql") - 1
        assert not [name for _, name, _ in shape(first_version) if name == "half"]
    copy = first_version.with_suffix(".schema-1.bak")
    assert copy.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(copy)) as file:
        assert file.execute("SELECT count(*) FROM revision").fetchone()[0] == 1
    assert list(first_version.parent.glob("*.part")) == []


def test_a_reader_says_that_the_node_has_to_start_first(first_version: Path) -> None:
    reader = CasesReader(first_version)
    with pytest.raises(LedgerError, match=r"schema 1.*at its next start"):
        reader.in_state()
    Cases(first_version).close()
    assert len(reader.in_state()) == 1
    reader.close()


def test_a_later_versions_file_is_not_touched(first_version: Path) -> None:
    with closing(sqlite3.connect(first_version)) as file:
        file.execute(f"PRAGMA user_version = {version_of('cases.sql') + 1}")
    for open_it in (Cases, lambda path: CasesReader(path).in_state()):
        with pytest.raises(LedgerError, match="another version"):
            open_it(first_version)
