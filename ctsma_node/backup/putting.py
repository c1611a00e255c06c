"""Gives restored ledgers their names, when both are there, whole, and agree with the files beside them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from ctsma_node.spool import sync_folder, write_durably

_CHUNK = 1 << 20
_WAITING = ".restoring"
_FILES_OF = {"inbox.sqlite3": {"instance": "spool", "quarantined": "quarantine"}}
"""Tables whose rows name files, and the folders of these."""


def put_ledgers(source: Path, state: Path, names: Sequence[str]) -> None:
    """Copy ledgers of a backup into the state folder; they get their names in the order given.

    Raises OSError where the disk is full: none has its name then.
    """
    waiting = {name: state / f"{name}{_WAITING}" for name in names}
    for path in state.glob(f"*{_WAITING}*"):
        path.unlink()  # of a restore that was broken off
    for name, path in waiting.items():
        with (source / name).open("rb") as read:
            write_durably(path, iter(partial(read.read, _CHUNK), b""))
        for table, folder in _FILES_OF.get(name, {}).items():
            _forget_purged(path, table, state / folder)
    for name, path in waiting.items():
        os.replace(path, state / name)  # noqa: PTH105 (one call, atomic)
        sync_folder(state)


def _forget_purged(ledger: Path, table: str, folder: Path) -> None:
    """Take away rows of files that were removed before the backup and came again after it.

    The receiver would take such a file for the rest of a purge, and remove what it has acknowledged. Without
    a row it is adopted.
    """
    with closing(sqlite3.connect(ledger)) as file, file:
        rows = file.execute(f"SELECT path FROM {table} WHERE purged_at IS NOT NULL").fetchall()
        there = [(path,) for (path,) in rows if (folder / path).exists()]
        file.executemany(f"DELETE FROM {table} WHERE path = ? AND purged_at IS NOT NULL", there)
