"""Open a ledger file: once for writing, or any number of times for reading."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from threading import Lock, RLock
from typing import Self, TypeVar, cast

from ctsma_node.ledger.migrations import LedgerError, migrate, version_of

__all__ = ["LedgerError", "LedgerInUse", "Reader", "Writer"]

_BUSY_SECONDS = 10.0

T = TypeVar("T")


class LedgerInUse(LedgerError):
    """Another process has the file for writing."""


class Writer:
    """The one writing connection to a ledger file, shared by the threads of its process.

    WAL with synchronous=FULL: a committed row survives a power cut (FULL syncs the log at each commit). With
    NORMAL it survives the death of the process, and a power cut once a later FULL commit has synced the log
    (https://sqlite.org/pragma.html#pragma_synchronous).
    A lock file keeps a second process out; the kernel drops the lock when the process dies.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._lock_file = _lock(path.with_suffix(".lock"))
        self._lock = RLock()
        self._waiting: list[_Part] = []
        self._waiting_lock = Lock()
        self._connection = sqlite3.connect(
            path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        path.chmod(0o600)
        self._connection.row_factory = sqlite3.Row
        try:
            for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                self._connection.execute(f"PRAGMA {pragma}")
            migrate(self._connection, path, schema)
            # Only now: a step that rebuilds a table must be free to drop the old one.
            self._connection.execute("PRAGMA foreign_keys=ON")
        except BaseException:
            self.close()
            raise

    @contextmanager
    def transaction(self, *, repeatable: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside one write transaction: all of it happens, or nothing.

        What is `repeatable`, since it would only be done once more after a power cut, does not wait for the
        disk.
        """
        with self._lock:
            self._connection.execute(f"PRAGMA synchronous={'NORMAL' if repeatable else 'FULL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def together(self, do: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in a durable transaction, shared by whoever comes meanwhile: one wait for the disk.

        Returns or raises what `do` does; what raises changes nothing, and the others' parts are kept. Where
        the transaction cannot be committed, all of them raise.
        """
        part = _Part(do)
        with self._waiting_lock:
            self._waiting.append(part)
        with self._lock:
            if not part.is_over:
                self._commit_waiting()
        return cast(T, part.outcome())

    def _commit_waiting(self) -> None:
        """Whoever gets the lock first does it for all that wait for the lock."""
        with self._waiting_lock:
            parts, self._waiting = self._waiting, []
        try:
            with self.transaction() as connection:
                for part in parts:
                    part.run(connection)
        except BaseException as error:
            for part in parts:
                part.error = part.error or error
        for part in parts:
            part.is_over = True

    def rows(self, sql: str, *parameters: object) -> list[sqlite3.Row]:
        """Return every row of a query."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def close(self) -> None:
        """Close the connection and let another process in."""
        with self._lock:
            self._connection.close()
            self._lock_file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Part:
    """What one thread does in a transaction that it shares."""

    def __init__(self, do: Callable[[sqlite3.Connection], object]) -> None:
        self._do = do
        self._result: object = None
        self.error: BaseException | None = None
        self.is_over = False

    def run(self, connection: sqlite3.Connection) -> None:
        """Do it, wholly or not at all; raises nothing that is not the transaction's own end."""
        connection.execute("SAVEPOINT part")
        try:
            self._result = self._do(connection)
        except Exception as error:
            self.error = error
            connection.execute("ROLLBACK TO part")
        connection.execute("RELEASE part")

    def outcome(self) -> object:
        """What it returned; raises what it raised."""
        if self.error is not None:
            raise self.error
        return self._result


class Reader:
    """A read-only connection; empty until the writing side has made the file.

    Where another file takes its place, as a restored one does, that is read from then on.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._expected = version_of(schema)
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # which one is open

    def rows(self, sql: str, *parameters: object) -> list[sqlite3.Row]:
        """Return every row of a query, and none while there is no such file yet."""
        with self._lock:
            if self._connection is not None and _identity(self._path) not in (self._file, None):
                self.close()
            connection = self._connection or self._open()
            return [] if connection is None else connection.execute(sql, parameters).fetchall()

    def _open(self) -> sqlite3.Connection | None:
        if not self._path.exists():
            return None
        self._file = _identity(self._path)
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.row_factory = sqlite3.Row
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == self._expected:
            self._connection = connection
            return connection
        connection.close()
        if version == 0:
            return None
        hint = " The node brings it up to date at its next start." if version < self._expected else ""
        raise LedgerError(f"{self._path.name} was made by another version (schema {version}).{hint}")

    def close(self) -> None:
        """Close the connection; the next query opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file has the name; None where none has, or nobody can say."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _lock(path: Path) -> FileIO:
    file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise LedgerInUse(f"Another process writes in {path.parent} already ({path.name}).") from None
    return file
