"""Questions to the worker's file about what goes out, and the only readers of those columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from ctsma_node.records import Delivery, DeliveryState, DestinationCounts

# SQLite takes the bare columns of an aggregate with max() from the row that holds the maximum
# (https://sqlite.org/lang_select.html#bareagg): here the delivery that was touched last.
_DESTINATIONS = """
    SELECT destination, sum(state = 'pending') AS pending, sum(state = 'sent') AS sent,
           sum(state = 'delivered') AS delivered, sum(state = 'rejected') AS rejected,
           sum(state = 'failed') AS failed,
           max(CASE WHEN attempts > 0 THEN updated_at END) AS answered_at, status, text
    FROM delivery GROUP BY destination ORDER BY destination"""


class DeliveryQueries:
    """What can be asked of deliveries and destinations."""

    def __init__(self, rows: Callable[..., list[sqlite3.Row]]) -> None:
        self._rows = rows

    def deliveries(self, case_id: int) -> list[Delivery]:
        """Return the deliveries of a case, in the order they were made."""
        sql = "SELECT * FROM delivery_row WHERE revision_id = ? ORDER BY id"
        return [_delivery(row) for row in self._rows(sql, case_id)]

    def purged_objects(self, case_id: int) -> frozenset[str]:
        """Return the outbox paths of the objects of a case that retention has removed."""
        sql = "SELECT path FROM result WHERE revision_id = ? AND purged_at IS NOT NULL"
        return frozenset(row["path"] for row in self._rows(sql, case_id))

    def due_deliveries(self, now: float) -> list[Delivery]:
        """Return the deliveries to be sent now, in the order of their sets; none to who is paused."""
        return self._due(DeliveryState.PENDING, now)

    def is_to_be_sent(self, case_id: int, destination: str) -> bool:
        """Return whether anything of a case is still to be sent to a destination, now or later."""
        # CROSS keeps SQLite from going through all that waits for the destination: this is asked often.
        sql = """SELECT 1 FROM result CROSS JOIN delivery ON result_id = result.id
                 WHERE revision_id = ? AND destination = ? AND state = 'pending' LIMIT 1"""
        return bool(self._rows(sql, case_id, destination))

    def ended(self) -> list[int]:
        """Return the reported cases whose deliveries have all ended."""
        sql = """SELECT id FROM revision WHERE state = 'reported'
                 AND EXISTS (SELECT 1 FROM result CROSS JOIN delivery ON result_id = result.id
                             WHERE revision_id = revision.id)
                 AND NOT EXISTS (SELECT 1 FROM result CROSS JOIN delivery ON result_id = result.id
                                 WHERE revision_id = revision.id AND delivery.state IN ('pending', 'sent'))
                 ORDER BY id"""
        return [int(row["id"]) for row in self._rows(sql)]

    def due_proofs(self, now: float) -> list[Delivery]:
        """Return the deliveries whose proof is to be asked for now, in the order of their sets."""
        return self._due(DeliveryState.SENT, now)

    def _due(self, state: DeliveryState, now: float) -> list[Delivery]:
        sql = """SELECT * FROM delivery_row WHERE state = ? AND due_at <= ?
                 AND destination NOT IN (SELECT destination FROM pause) ORDER BY revision_id, id"""
        return [_delivery(row) for row in self._rows(sql, state, now)]

    def paused(self) -> dict[str, float]:
        """Return the destinations that are paused, and since when."""
        return {row["destination"]: row["since"] for row in self._rows("SELECT * FROM pause")}

    def taken(self, source: str) -> int:
        """Return the last row that was taken over from another process's table, 0 when none was."""
        rows = self._rows("SELECT last_rowid FROM taken WHERE source = ?", source)
        return int(rows[0]["last_rowid"]) if rows else 0

    def destinations(self) -> list[DestinationCounts]:
        """Return how each destination stands that has deliveries, by name."""
        paused = self.paused()
        return [_counts(row, paused.get(row["destination"])) for row in self._rows(_DESTINATIONS)]

    def asked_in(self, transaction_uid: str) -> list[Delivery]:
        """Return the deliveries that a Storage Commitment request is about and that still wait for proof.

        One that was sent again since the request was made is not among them: what a late report says of it
        was said of an instance that may be gone.
        """
        sql = """SELECT delivery_row.* FROM delivery_row JOIN commitment USING (revision_id, destination)
                 WHERE transaction_uid = ? AND state = 'sent' AND sent_at <= asked_at
                 ORDER BY delivery_row.id"""
        return [_delivery(row) for row in self._rows(sql, transaction_uid)]


def _delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(
        id=row["id"],
        case_id=row["revision_id"],
        destination=row["destination"],
        sop_instance_uid=row["sop_instance_uid"],
        sop_class_uid=row["sop_class_uid"],
        transfer_syntax=row["transfer_syntax"],
        kind=row["kind"],
        path=row["path"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        status=row["status"],
        text=row["text"],
        series_uid=row["series_uid"],
        study_uid=row["study_uid"],
        asked=row["asked"],
        sent_at=row["sent_at"],
        held_s=row["held_s"],
    )


def _counts(row: sqlite3.Row, paused_since: float | None) -> DestinationCounts:
    return DestinationCounts(
        name=row["destination"],
        pending=row["pending"],
        sent=row["sent"],
        delivered=row["delivered"],
        rejected=row["rejected"],
        failed=row["failed"],
        paused_since=paused_since,
        answered_at=row["answered_at"],
        status=row["status"],
        text=row["text"],
    )
