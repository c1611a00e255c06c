"""What people are told of: failures since the last notice, and the marks up to which they were told."""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import Row
from typing import NamedTuple

from ctsma_node.ledger.sqlite import Writer

_FAILED = """
    SELECT code AS name, count(*) AS n FROM revision
    WHERE state = 'failed' AND updated_at > ? AND updated_at <= ? GROUP BY code ORDER BY code"""
_GIVEN_UP = """
    SELECT destination AS name, count(*) AS n FROM delivery
    WHERE state IN ('rejected', 'failed') AND updated_at > ? AND updated_at <= ?
    GROUP BY destination ORDER BY destination"""


class Troubles(NamedTuple):
    """How often, by code or destination."""

    failed: dict[str, int]
    given_up: dict[str, int]


class TroubleRows:
    """The part of the worker's writing side that is about notices."""

    _rows: Callable[..., list[Row]]
    _writer: Writer

    def troubles(self, since: float, until: float) -> Troubles:
        """Return what failed behind `since`, up to and including `until`."""
        return Troubles(*(self._counts(sql, since, until) for sql in (_FAILED, _GIVEN_UP)))

    def _counts(self, sql: str, since: float, until: float) -> dict[str, int]:
        return {row["name"]: row["n"] for row in self._rows(sql, since, until)}

    def told_until(self, way: str) -> float | None:
        """Return up to when people were told this way; None where nobody was."""
        rows = self._rows("SELECT until FROM told WHERE kind = ?", way)
        return float(rows[0]["until"]) if rows else None

    def begin_telling(self, way: str, now: float) -> None:
        """Tell this way what comes from now on, or from where an earlier version, of one mark, ended."""
        with self._writer.transaction() as connection:
            connection.execute(
                "INSERT INTO told SELECT ?, coalesce(max(until), ?) FROM told WHERE kind = 'trouble'",
                (way, now),
            )

    def tell_until(self, way: str, until: float) -> None:
        """Remember up to when people were told this way."""
        with self._writer.transaction() as connection:
            connection.execute("UPDATE told SET until = ? WHERE kind = ?", (until, way))
