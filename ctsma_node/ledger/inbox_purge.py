"""Every statement on the receiver's file about files that retention removes: marked first, removed next."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import islice
from sqlite3 import Row

from ctsma_node.ledger.sqlite import Writer
from ctsma_node.records import KeptSeries, PurgedFile

_BATCH = 500

# Of a series of which anything came lately, or was not taken over yet, nothing is old.
_OLD_SERIES = """
    SELECT series_uid, count(*) AS n, sum(size) AS size FROM instance
    WHERE purged_at IS NULL AND missing_at IS NULL
    GROUP BY series_uid HAVING max(received_at) < ? AND max(rowid) <= ? ORDER BY max(rowid)"""

_MARK_SERIES = """
    UPDATE instance SET purged_at = ?1 WHERE series_uid = ?2 AND purged_at IS NULL AND missing_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM instance AS other WHERE other.series_uid = ?2
                      AND other.purged_at IS NULL AND (other.received_at >= ?3 OR other.rowid > ?4))
    RETURNING path"""


class PurgeQueries:
    """What of the inbox is old enough to be removed."""

    def __init__(self, rows: Callable[..., list[Row]]) -> None:
        self._rows = rows

    def old_series(self, before: float, cursor: int) -> list[KeptSeries]:
        """Return the series with files here of which nothing came since, all taken over by the worker."""
        rows = self._rows(_OLD_SERIES, before, cursor)
        return [KeptSeries(row["series_uid"], row["n"], row["size"]) for row in rows]

    def old_quarantined(self, before: float) -> list[PurgedFile]:
        """Return what has been in quarantine since then."""
        sql = "SELECT path, size FROM quarantined WHERE purged_at IS NULL AND received_at < ? ORDER BY id"
        return [PurgedFile(row["path"], row["size"]) for row in self._rows(sql, before)]

    def purged_count(self, series_uid: str) -> int:
        """Return how many instances of a series retention has removed."""
        sql = "SELECT count(*) AS n FROM instance WHERE series_uid = ? AND purged_at IS NOT NULL"
        rows = self._rows(sql, series_uid)
        return int(rows[0]["n"]) if rows else 0


class PurgeRows(PurgeQueries):
    """The part of the receiver's writing side that is about removal.

    A row is marked before its file is removed: a file that is still there though its row is marked was on its
    way out when the receiver died, and goes at the next start.
    """

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer.rows)
        self._writer = writer

    def mark_series_purged(self, series_uid: str, before: float, cursor: int, at: float) -> list[str]:
        """Mark every instance of a series, unless something of it came since; returns their paths."""
        with self._writer.transaction() as connection:
            rows = connection.execute(_MARK_SERIES, (at, series_uid, before, cursor)).fetchall()
            return [row["path"] for row in rows]

    def purged_paths(self, series_uid: str) -> list[str]:
        """Return the spool paths of the instances of a series that are marked."""
        sql = "SELECT path FROM instance WHERE series_uid = ? AND purged_at IS NOT NULL ORDER BY rowid"
        return [row["path"] for row in self._rows(sql, series_uid)]

    def forget_purged(self, series_uid: str) -> bool:
        """Forget the instances of a series whose files are gone; False while any of it is still there."""
        with self._writer.transaction() as connection:
            sql = "SELECT 1 FROM instance WHERE series_uid = ? AND purged_at IS NULL AND missing_at IS NULL"
            if connection.execute(sql, (series_uid,)).fetchone():
                return False
            connection.execute("DELETE FROM instance WHERE series_uid = ?", (series_uid,))
            return True

    def mark_quarantined_purged(self, path: str, at: float) -> None:
        """Mark something in quarantine."""
        with self._writer.transaction() as connection:
            connection.execute(
                "UPDATE quarantined SET purged_at = ? WHERE path = ? AND purged_at IS NULL", (at, path)
            )

    def is_purged(self, path: str) -> bool:
        """Say whether the file of an instance is marked; one that came again in between is not."""
        return bool(self._rows("SELECT 1 FROM instance WHERE path = ? AND purged_at IS NOT NULL", path))

    def purged_among(self, paths: Collection[str]) -> set[str]:
        """Return those spool paths whose instance is marked: a history of millions is not read for a few."""
        return self._among("SELECT path FROM instance WHERE purged_at IS NOT NULL AND path IN", paths)

    def purged_quarantine_among(self, paths: Collection[str]) -> set[str]:
        """The same of paths in quarantine."""
        return self._among("SELECT path FROM quarantined WHERE purged_at IS NOT NULL AND path IN", paths)

    def _among(self, sql: str, paths: Collection[str]) -> set[str]:
        rest, found = iter(paths), set[str]()
        while batch := tuple(islice(rest, _BATCH)):
            rows = self._rows(f"{sql} ({', '.join('?' * len(batch))})", *batch)
            found.update(row["path"] for row in rows)
        return found
