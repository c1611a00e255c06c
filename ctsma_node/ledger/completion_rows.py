"""Every statement on the worker's file that writes what is known of completeness."""

from __future__ import annotations

from ctsma_node.ledger.outgoing import OutgoingRows
from ctsma_node.records import SourceCount


class CompletionRows(OutgoingRows):
    """The part of the worker's writing side that is about when a series is complete.

    What a power cut takes of it is asked or learned once more: nothing here waits for the disk.
    """

    def record_count(self, series_uid: str, instances: int | None, told: str, asked_at: float) -> SourceCount:
        """Record what the source answered to the question of `asked_at`; returns what is known now.

        An answer equal to the one before keeps `since`; one without a number forgets the number: a source
        that has lost a series, or cannot tell, says nothing about what it said before.
        """
        before = self.source_count(series_uid)
        same = before is not None and instances is not None and before.instances == instances
        since = None if instances is None else before.since if same and before is not None else asked_at
        failures = 0 if instances is not None else (0 if before is None else before.failures) + 1
        with self._writer.transaction(repeatable=True) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO source_count VALUES (?, ?, ?, ?, ?, ?)",
                (series_uid, instances, since, asked_at, failures, told),
            )
        return SourceCount(series_uid, instances, since, asked_at, failures, told)

    def record_pace(self, series_uid: str, calling_ae: str, largest_gap_s: float, kept: int) -> None:
        """Remember the largest gap of a series, and of its sender the latest `kept` series alone."""
        with self._writer.transaction(repeatable=True) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO pace VALUES (?, ?, ?, ?)",
                (series_uid, calling_ae, largest_gap_s, self._clock()),
            )
            connection.execute(
                """DELETE FROM pace WHERE calling_ae = ?1 AND series_uid NOT IN (
                       SELECT series_uid FROM pace WHERE calling_ae = ?1
                       ORDER BY at DESC, series_uid LIMIT ?2)""",
                (calling_ae, kept),
            )
