"""Counts and durations out of both ledgers, for /health and /metrics; they outlive every restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ctsma_node.ledger.sqlite import Reader
from ctsma_node.records import DeliveryState, SeriesState

Rows = Callable[..., list[sqlite3.Row]]

_LAST_SUCCESS = """
    SELECT max(updated_at) AS at FROM delivery WHERE destination = ? AND state = 'delivered'"""

_UNPROVEN = """
    SELECT max(sent_at) AS last_stored,
           min(CASE WHEN asked > 0 AND destination NOT IN (SELECT destination FROM pause) THEN sent_at END)
           AS unproven_since
    FROM delivery WHERE destination = ? AND state = 'sent'"""

_FAILING = """
    SELECT max(updated_at) AS last_failure, min(created_at) AS waiting_since
    FROM delivery WHERE destination = ? AND state = 'pending' AND attempts > 0
    AND destination NOT IN (SELECT destination FROM pause)"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a destination has done lately. Times are seconds since the epoch; None: never, or nothing waits."""

    last_success: float | None  # of a delivery, or of a C-STORE whose proof is still to come
    last_failure: float | None  # of a delivery that is still to be made
    waiting_since: float | None  # since when the oldest such delivery is wanted
    unproven_since: float | None = None  # since when the oldest is there whose proof was asked for in vain

    @property
    def failing_since(self) -> float | None:
        """Since when nothing has gone through although tried; None where the last attempt went well."""
        if self.last_failure is None or self.waiting_since is None:
            return None
        if self.last_success is not None and self.last_success >= self.last_failure:
            return None
        return max(self.waiting_since, self.last_success or 0.0)


class CaseFigures:
    """Figures of the worker's file."""

    def __init__(self, path: Path) -> None:
        self._rows = Reader(path, "cases.sql").rows

    def cases(self) -> dict[SeriesState, int]:
        """How many cases stand in each state."""
        counts = _pairs(self._rows, "SELECT state, count(*) FROM revision GROUP BY state")
        return {state: counts.get((state.value,), 0) for state in SeriesState}

    def deliveries(self) -> dict[tuple[str, DeliveryState], int]:
        """How many deliveries stand in each state, by destination."""
        sql = "SELECT destination, state, count(*) FROM delivery GROUP BY 1, 2"
        return {(name, DeliveryState(state)): n for (name, state), n in _pairs(self._rows, sql).items()}

    def standing(self, destination: str) -> Standing | None:
        """How a destination has done lately; None where nothing was ever sent there."""
        found = [self._rows(sql, destination) for sql in (_LAST_SUCCESS, _FAILING, _UNPROVEN)]
        if not all(found):
            return None
        (delivered_at,), (last_failure, waiting_since), (stored_at, unproven_since) = (
            row for (row,) in found
        )
        last_success = max((at for at in (delivered_at, stored_at) if at is not None), default=None)
        if last_success is None and last_failure is None:
            return None
        return Standing(last_success, last_failure, waiting_since, unproven_since)

    def last_ends(self, count: int) -> list[tuple[SeriesState, str | None]]:
        """State and code of the cases that ended last, the latest first."""
        sql = """SELECT to_state, code FROM event WHERE action = 'moved'
                 AND to_state IN ('delivered', 'refused', 'failed') ORDER BY id DESC LIMIT ?"""
        return [(SeriesState(row["to_state"]), row["code"]) for row in self._rows(sql, count)]

    def oldest_waiting(self) -> float | None:
        """Since when the case that waits longest for a step of the analysis has been complete."""
        sql = "SELECT min(updated_at) AS at FROM revision WHERE state IN ('stable', 'accepted', 'analysed')"
        rows = self._rows(sql)
        return rows[0]["at"] if rows else None


class InboxFigures:
    """Figures of the receiver's file."""

    def __init__(self, path: Path) -> None:
        self._rows = Reader(path, "inbox.sql").rows

    def stored(self) -> int:
        """How many instances were ever stored: numbers are never given twice."""
        return _total(self._rows, "SELECT seq AS total FROM sqlite_sequence WHERE name = 'instance'")

    def behind(self, cursor: int) -> int:
        """How many instances the worker has not taken over yet."""
        return _total(self._rows, "SELECT count(*) AS total FROM instance WHERE rowid > ?", cursor)

    def quarantined(self) -> dict[str, int]:
        """How many different instances were set aside, by code."""
        sql = "SELECT code, count(*) FROM quarantined GROUP BY code"
        return {code: n for (code,), n in _pairs(self._rows, sql).items()}

    def associations(self) -> dict[str, int]:
        """How many associations brought instances, by calling AE title."""
        sql = "SELECT calling_ae, count(*) FROM association GROUP BY calling_ae"
        return {name: n for (name,), n in _pairs(self._rows, sql).items()}

    def open_associations(self) -> int:
        """How many of them are open."""
        return _total(self._rows, "SELECT count(*) AS total FROM association WHERE closed_at IS NULL")

    def spool_bytes(self) -> int:
        """Size of the datasets in the spool; what retention has removed keeps its row, and takes no room."""
        sql = "SELECT sum(size) AS total FROM instance WHERE missing_at IS NULL AND purged_at IS NULL"
        return _total(self._rows, sql)


def _pairs(rows: Rows, sql: str) -> dict[tuple[str, ...], int]:
    """The last column, a count, by the columns before it."""
    found = [tuple(row) for row in rows(sql)]
    return {row[:-1]: row[-1] for row in found}


def _total(rows: Rows, sql: str, *parameters: object) -> int:
    """One number; 0 where there is no file yet, or nothing to count."""
    found = rows(sql, *parameters)
    return int(found[0]["total"] or 0) if found else 0
