"""Copies of ledgers and files that are checked on their way and durable once they are there."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ctsma_node.errors import NodeError
from ctsma_node.spool import make_private, sync_folder, write_durably

_CHUNK = 1 << 20


class BackupError(NodeError):
    """A backup cannot be taken or used; the message says why, and names files by their hash."""


def copy_ledger(source: Path, target: Path) -> None:
    """Copy a ledger as it stands at one moment, over a read-only connection (SQLite's backup API).

    Raises BackupError where the ledger is damaged, or the copy cannot be written.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        _copy_over(source, target)
    except sqlite3.Error as error:
        raise BackupError(_why_not(error, source, target)) from None
    check_ledger(target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _copy_over(source: Path, target: Path) -> None:
    uri = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it


_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _why_not(error: sqlite3.Error, source: Path, target: Path) -> str:
    """SQLite says neither which of the two files it means nor, for a full disk, more than "I/O error"."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
        return f"{source} is damaged ({error}): bring back an earlier backup (ctsma-node restore)."
    return f"{source} cannot be copied to {target} ({error}): look whether there is room on that disk."


def check_ledger(path: Path) -> None:
    """Raise BackupError where SQLite finds a fault in the file."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
        try:
            found = file.execute("PRAGMA integrity_check").fetchone()[0]
        except sqlite3.DatabaseError:
            found = "not a database"
    if found != "ok":
        raise BackupError(f"{path.name} is damaged ({found}).")


def copy_file(source: Path, target: Path, size: int, sha256: str) -> int:
    """Copy a file whose last `size` bytes have that sha256; returns the whole file's size.

    An instance's digest is of its dataset, in front of which its file has preamble and meta information.
    Raises FileNotFoundError, and BackupError where the bytes are others.
    """
    before = source.stat().st_size - size
    digest = hashlib.sha256()
    make_private(target.parent)
    write_durably(target, _digested(source, before, digest))
    if before < 0 or digest.hexdigest() != sha256:
        target.unlink()
        raise BackupError(f"{source.parent.parent.name}/{source.name} is not what its row says (sha256).")
    return before + size


def sync_below(folder: Path) -> None:
    """Make the names in a folder and in those below it durable."""
    for each in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        sync_folder(each)


def digest_of(path: Path) -> str:
    """sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digested(source: Path, skip: int, digest: hashlib._Hash) -> Iterator[bytes]:
    with source.open("rb") as file:
        if head := file.read(max(skip, 0)):
            yield head
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            yield chunk
