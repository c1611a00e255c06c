"""What a receiver must hold after a restart: all it acknowledged, whole and indexed, and nothing half."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from ctsma_node.config import Settings
from ctsma_node.receive.part10 import read_head
from tests.torture.run import Tally
from tests.torture.traffic import Book, Sent

LOST = "acknowledged and lost"
CORRUPT = "files that are not what was sent"
NOT_INDEXED = "files without a row"
NO_FILE = "rows without a file"
PARTS = "part files left"
NOT_KEPT = "acknowledged and not in quarantine"
FAULTS = (LOST, CORRUPT, NOT_INDEXED, NO_FILE, PARTS, NOT_KEPT)


class Holdings:
    """Looks into the state folder of a receiver that has just been started and serves nobody."""

    def __init__(self, settings: Settings, book: Book, tally: Tally) -> None:
        self._settings = settings
        self._book = book
        self._tally = tally
        self._read: set[str] = set()
        self._told: set[tuple[str, str]] = set()
        for fault in FAULTS:
            tally.count(fault, 0)

    def inspect(self, *, again: bool = False) -> None:
        """Count what must not be. A file's bytes are read once, or `again`."""
        if again:
            self._read.clear()
        spool, quarantine = self._settings.spool_dir, self._settings.quarantine_dir
        self._fault(PARTS, _names(spool, "*.part") | _names(quarantine, "*.part"))
        files = _names(spool, "*.dcm")
        rows = self._rows("SELECT sop_instance_uid, path, sha256, missing_at FROM instance")
        present = {path for _, path, _, missing_at in rows if missing_at is None}
        self._fault(NOT_INDEXED, files - present)
        self._fault(NO_FILE, {path for _, path, _, _ in rows} - files)
        self._fault(NO_FILE, (path for _, path, _, missing_at in rows if missing_at is not None))
        indexed = {uid: (path, sha256) for uid, path, sha256, _ in rows}
        aside = self._quarantined(quarantine)
        for uid, first in self._book.kept.items():
            if uid not in indexed:
                self._fault(LOST, [uid])
                continue
            path, sha256 = indexed[uid]
            sent = {first.sha256: first} | self._book.others.get(uid, {})
            # Of two that were on their way at once either may have been the first.
            kept = sent.pop(sha256 if uid in self._book.contested else first.sha256, first)
            self._compare(spool / path, sha256, kept)
            for other in sent.values():
                if other.sha256 in aside:
                    self._compare(quarantine / aside[other.sha256], other.sha256, other)
                else:
                    self._fault(NOT_KEPT, [uid])

    def _quarantined(self, folder: Path) -> dict[str, str]:
        """Path by sha256."""
        rows = self._rows("SELECT sha256, path FROM quarantined")
        self._fault(NOT_INDEXED, _names(folder, "*.dcm") - {path for _, path in rows})
        return dict(rows)

    def _compare(self, path: Path, sha256: str, sent: Sent) -> None:
        if path.name in self._read:
            return
        self._read.add(path.name)
        try:
            whole = path.read_bytes()[read_head(path).dataset_offset :] == sent.dataset
        except (OSError, ValueError):
            whole = False
        if not whole or sha256 != sent.sha256:
            self._fault(CORRUPT, [sent.sop_instance_uid])

    def _rows(self, sql: str) -> list[Any]:
        where = f"{self._settings.inbox_path.as_uri()}?mode=ro"
        with closing(sqlite3.connect(where, uri=True)) as connection:
            return connection.execute(sql).fetchall()

    def _fault(self, kind: str, which: Iterable[str]) -> None:
        for each in sorted({(kind, name) for name in which} - self._told):
            self._told.add(each)
            self._tally.fault(*each)


def _names(folder: Path, pattern: str) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.glob(f"??/{pattern}")}
