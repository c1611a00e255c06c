"""Brings a ledger file of an earlier version up to this one's, step by step, with a copy kept beside it.

Version 1 is `inbox.sql` or `cases.sql`, and each step leads from one version to the next. A new file takes
the same way, so that it cannot differ from one that was migrated. A step that has shipped is never changed.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

from ctsma_node.errors import NodeError
from ctsma_node.spool import sync_folder

STEPS: dict[str, tuple[str, ...]] = {
    "inbox.sql": ("inbox_retention.sql", "inbox_reports.sql"),
    "cases.sql": (
        "cases_completion.sql",
        "cases_reopening.sql",
        "cases_retention.sql",
        "cases_proofs.sql",
        "cases_refusal.sql",
        "cases_resending.sql",
    ),
}
"""The scripts that follow each schema, oldest first; a new one goes to the end of its line."""


class LedgerError(NodeError):
    """A ledger file cannot be used, or was asked for a move that does not exist."""


def version_of(schema: str) -> int:
    """The `PRAGMA user_version` of a file that this version of the node writes."""
    return 1 + len(STEPS[schema])


def migrate(connection: sqlite3.Connection, path: Path, schema: str) -> None:
    """Make or migrate a file over its writing connection.

    A new file is made in one transaction: who reads it meanwhile sees all of it or nothing. Of an older one
    each step is a transaction of its own with its number: a node that dies on the way goes on behind the last
    one. Before the first step the file is copied to `<name>.schema-<version>.bak` beside it.
    Raises LedgerError when a later version of the node wrote it.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > version_of(schema):
        raise LedgerError(f"{path.name} was made by another version (schema {version}).")
    if 0 < version < version_of(schema):
        _back_up(connection, path, version)
    texts = [
        resources.files("ctsma_node.ledger").joinpath(script).read_text(encoding="utf-8")
        for script in (schema, *STEPS[schema])
    ]
    if version == 0:
        _take(connection, "\n".join(texts), version_of(schema))
        return
    for number, text in enumerate(texts[version:], start=version + 1):
        _take(connection, text, number)


def _take(connection: sqlite3.Connection, script: str, version: int) -> None:
    connection.executescript(f"BEGIN;{script};PRAGMA user_version={version};COMMIT;")


def _back_up(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """A durable copy, whole under its name or not there at all."""
    target = path.with_suffix(f".schema-{version}.bak")
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(part)) as copy:
        connection.backup(copy)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.rename(target)
    sync_folder(path.parent)
