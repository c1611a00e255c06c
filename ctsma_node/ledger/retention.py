"""What retention may remove, as the worker's file has it; read-only, so that any process may ask."""

from __future__ import annotations

from math import inf
from pathlib import Path

from ctsma_node.ledger.sqlite import Reader
from ctsma_node.records import PurgeableResult

_ENDED = """
    SELECT latest.series_uid FROM revision AS latest
    WHERE (latest.state IN ('delivered', 'refused') OR latest.code = 'cancelled')
      AND latest.number = (SELECT max(number) FROM revision WHERE series_uid = latest.series_uid)
      AND NOT EXISTS (
          SELECT 1 FROM revision AS each LEFT JOIN result ON result.revision_id = each.id
          LEFT JOIN delivery ON delivery.result_id = result.id
          WHERE each.series_uid = latest.series_uid AND (
              each.updated_at >= ?
              OR each.state NOT IN ('delivered', 'refused', 'failed')
              OR delivery.state NOT IN ('delivered', 'rejected', 'failed')))"""

_RELEASABLE = """
    SELECT series_uid FROM revision AS latest
    WHERE id = ? AND running = 0 AND state IN ('refused', 'failed')
      AND number = (SELECT max(number) FROM revision WHERE series_uid = latest.series_uid)"""

# What was given up because a destination was away is not among them: somebody may want to have it sent still.
_SETTLED = """
    SELECT result.id, result.path, result.size FROM result
    JOIN revision ON revision.id = result.revision_id
    WHERE result.purged_at IS NULL AND revision.updated_at < ?
      AND (revision.state IN ('delivered', 'refused') OR revision.code = 'cancelled')
      AND (revision.code IS 'cancelled' OR EXISTS (SELECT 1 FROM delivery WHERE result_id = result.id))
      AND NOT EXISTS (
          SELECT 1 FROM delivery WHERE result_id = result.id
          AND (updated_at >= ? OR state NOT IN ('delivered', 'rejected', 'failed')
               OR (state = 'failed' AND revision.code IS NOT 'cancelled')))
    ORDER BY EXISTS (SELECT 1 FROM delivery WHERE result_id = result.id AND state <> 'delivered'),
             result.id"""


class RetentionReader:
    """Which series have ended and which results have arrived. A file that is not there yet has none."""

    def __init__(self, path: Path) -> None:
        self._reader = Reader(path, "cases.sql")

    def close(self) -> None:
        """Close the file; the next question opens it again."""
        self._reader.close()

    def cursor(self) -> int:
        """Return the last inbox row that the worker has taken over, 0 when none was."""
        rows = self._reader.rows("SELECT rowid_taken FROM cursor")
        return int(rows[0]["rowid_taken"]) if rows else 0

    def ended_series(self, before: float) -> set[str]:
        """Return the series whose latest revision was delivered, refused or cancelled, and is unmoved since.

        A series that failed is not among them: somebody may want to queue it again.
        """
        return {row["series_uid"] for row in self._reader.rows(_ENDED, before)}

    def releasable(self, case_id: int) -> str | None:
        """Return the series of a case that ended without results and has no later revision, else None."""
        rows = self._reader.rows(_RELEASABLE, case_id)
        return str(rows[0]["series_uid"]) if rows else None

    def settled_results(self, before: float = inf) -> list[PurgeableResult]:
        """Return the objects still here for which nothing is to be done any more, and was not since then.

        First those that each of their destinations has, then those that one never takes (its answer said so)
        or that a person let go of.
        """
        rows = self._reader.rows(_SETTLED, before, before)
        return [PurgeableResult(row["id"], row["path"], row["size"]) for row in rows]
