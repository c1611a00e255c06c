"""Threads that commit at the same time share one commit, and nobody's failure is another's."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from ctsma_node.ledger.sqlite import Writer

THREADS = 8


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer(tmp_path / "inbox.sqlite3", "inbox.sql") as made:
        yield made


def insert(connection: sqlite3.Connection, name: str) -> str:
    connection.execute("INSERT INTO association VALUES (?, 'PACS', '', 1.0, NULL)", (name,))
    if name.startswith("bad"):
        raise ValueError(name)
    return name


def names(writer: Writer) -> set[str]:
    return {row["id"] for row in writer.rows("SELECT id FROM association")}


def at_once(writer: Writer, wanted: list[str]) -> tuple[list[Future[str]], int]:
    """All of them wait while a transaction is open; how they ended, and in how many transactions."""
    count = 0
    real = writer.transaction

    @contextmanager
    def counted(*, repeatable: bool = False) -> Iterator[sqlite3.Connection]:
        nonlocal count
        count += 1
        with real(repeatable=repeatable) as connection:
            yield connection

    writer.transaction = counted  # type: ignore[method-assign]
    entered = threading.Semaphore(0)

    def wait(name: str) -> str:
        entered.release()
        return writer.together(lambda connection: insert(connection, name))

    with ThreadPoolExecutor(len(wanted)) as pool, real():
        futures = [pool.submit(wait, name) for name in wanted]
        for _ in wanted:
            entered.acquire()
        while len(writer._waiting) < len(wanted):
            threading.Event().wait(0.001)
    return futures, count


def test_those_who_wait_share_a_commit(writer: Writer) -> None:
    wanted = [f"n{number}" for number in range(THREADS)]
    futures, count = at_once(writer, wanted)
    assert [each.result() for each in futures] == wanted
    assert (names(writer), count) == (set(wanted), 1)


def test_what_fails_leaves_nothing_and_takes_nobody_along(writer: Writer) -> None:
    futures, _ = at_once(writer, ["good", "bad", "fine"])
    assert isinstance(futures[1].exception(), ValueError)
    assert [futures[n].result() for n in (0, 2)] == ["good", "fine"]
    assert names(writer) == {"good", "fine"}


def test_a_commit_that_fails_fails_for_all(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def full(**_: bool) -> Iterator[sqlite3.Connection]:
        with Writer.transaction(writer) as connection:
            yield connection
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(writer, "transaction", full)
    for name in ("one", "two"):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            writer.together(partial(insert, name=name))
    assert names(writer) == set()
