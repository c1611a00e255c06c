"""The files that the rows of a copied ledger name, read without opening it for writing."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ctsma_node.ledger.sqlite import Reader

_KEPT = {
    "spool": ("inbox.sql", "instance", "missing_at IS NULL AND purged_at IS NULL"),
    "quarantine": ("inbox.sql", "quarantined", "purged_at IS NULL"),
    "outbox": ("cases.sql", "result", "purged_at IS NULL"),
}
"""By folder: whose file names it, in which table, and which rows mean a file that is there."""


class NamedFile(NamedTuple):
    """A file as its row has it."""

    path: str  # relative to its folder
    size: int  # bytes that `sha256` is of: the last ones of the file
    sha256: str


def named_files(ledger: Path, folder: str) -> list[NamedFile]:
    """Return the files of a folder ("spool", "quarantine" or "outbox") that the rows name."""
    schema, table, kept = _KEPT[folder]
    reader = Reader(ledger, schema)
    try:
        rows = reader.rows(f"SELECT path, size, sha256 FROM {table} WHERE {kept} ORDER BY rowid")
        return [NamedFile(row["path"], row["size"], row["sha256"]) for row in rows]
    finally:
        reader.close()
