"""Every statement on the worker's file that writes results and deliveries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple

from ctsma_node.ledger.case_rows import CaseQueries
from ctsma_node.ledger.sqlite import LedgerError, Writer
from ctsma_node.records import DeliveryState, Destination, ResultObject


class OutgoingRows(CaseQueries):
    """The part of the worker's writing side that is about what goes out."""

    def __init__(self, writer: Writer, clock: Callable[[], float]) -> None:
        super().__init__(writer.rows)
        self._writer = writer
        self._clock = clock

    def add_results(self, case_id: int, results: Sequence[ResultObject]) -> None:
        """Add the objects of a case, in the order they are to be sent; one that is there already stays.

        Raises LedgerError when an object with the same SOP Instance UID but other bytes is there.
        """
        with self._writer.transaction() as connection:
            for result in results:
                row = connection.execute(
                    "SELECT sha256 FROM result WHERE sop_instance_uid = ?", (result.sop_instance_uid,)
                ).fetchone()
                if row is None:
                    connection.execute(
                        """INSERT INTO result (revision_id, sop_instance_uid, sop_class_uid, series_uid,
                           kind, side, path, size, sha256, transfer_syntax)
                           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                        (case_id, *astuple(result)),
                    )
                elif row["sha256"] != result.sha256:
                    raise LedgerError(f"Result {result.sop_instance_uid} was made before with other bytes.")

    def mark_purged(self, result_ids: Sequence[int]) -> frozenset[int]:
        """Mark objects before retention removes their files; returns those that it marked.

        A mark that is there stays, and an object that is to be sent again since it was chosen gets none.
        """
        now = self._clock()
        with self._writer.transaction() as connection:
            return frozenset(
                each
                for each in result_ids
                if connection.execute(
                    "UPDATE result SET purged_at = ? WHERE id = ? AND purged_at IS NULL AND NOT EXISTS "
                    "(SELECT 1 FROM delivery WHERE result_id = result.id AND state IN ('pending', 'sent'))",
                    (now, each),
                ).rowcount
            )

    def purged_results(self) -> set[str]:
        """Return the outbox path of every object that retention has marked."""
        return {row["path"] for row in self._rows("SELECT path FROM result WHERE purged_at IS NOT NULL")}

    def add_deliveries(self, case_id: int, destinations: Sequence[Destination]) -> int:
        """Make a delivery, due now, for each result of a case and each destination that takes its kind.

        Returns how many are new; those that exist stay as they are.
        """
        now = self._clock()
        with self._writer.transaction() as connection:
            results = connection.execute(
                "SELECT id, kind FROM result WHERE revision_id = ? ORDER BY id", (case_id,)
            ).fetchall()
            return sum(
                connection.execute(
                    """INSERT INTO delivery (result_id, destination, created_at, updated_at, due_at)
                       VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING""",
                    (result["id"], destination.name, now, now, now),
                ).rowcount
                for destination in destinations
                for result in results
                if result["kind"] in destination.objects
            )

    def delivery_stored(self, delivery_id: int, status: int, due_at: float) -> bool:
        """Record that the peer answered that it stored the instance; the proof is asked for at `due_at`.

        False, as of all that end an attempt, when the delivery is not `pending`: a person may have cancelled
        its case while it was on its way. Nothing changes then.
        """
        return self._end_attempt(delivery_id, DeliveryState.SENT, due_at, status, None)

    def delivery_done(self, delivery_id: int, status: int = 0x0000) -> bool:
        """Record that the peer stored the instance, where its status is all the proof there is to be."""
        return self._end_attempt(delivery_id, DeliveryState.DELIVERED, None, status, None)

    def delivery_retry(self, delivery_id: int, due_at: float, status: int | None, text: str) -> bool:
        """Record an attempt that failed for now; `status` is None when the peer gave no answer."""
        return self._end_attempt(delivery_id, DeliveryState.PENDING, due_at, status, text)

    def delivery_rejected(self, delivery_id: int, status: int | None, text: str) -> bool:
        """Record that the peer will never take the instance."""
        return self._end_attempt(delivery_id, DeliveryState.REJECTED, None, status, text)

    def delivery_failed(self, delivery_id: int, status: int | None, text: str) -> bool:
        """Record that the node has given up after the retry horizon."""
        return self._end_attempt(delivery_id, DeliveryState.FAILED, None, status, text)

    def _end_attempt(
        self, delivery_id: int, to: DeliveryState, due_at: float | None, status: int | None, text: str | None
    ) -> bool:
        # Without its row an instance is sent again, under the same UID; its case's end waits for the disk.
        now = self._clock()
        sent_at = now if to is DeliveryState.SENT else None
        with self._writer.transaction(repeatable=True) as connection:
            changed = connection.execute(
                "UPDATE delivery SET state = ?, due_at = ?, status = ?, text = ?, attempts = attempts + 1, "
                "asked = 0, sent_at = coalesce(?, sent_at), updated_at = ? "
                "WHERE id = ? AND state = 'pending'",
                (to, due_at, status, text, sent_at, now, delivery_id),
            ).rowcount
        return bool(changed)
