"""Every statement on the worker's file that writes what became of a proof, or pauses a destination."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ctsma_node.ledger.outgoing import OutgoingRows
from ctsma_node.records import DeliveryState


class ProofRows(OutgoingRows):
    """The part of the worker's writing side that is about what was sent and is to be proven.

    A proof changes a delivery that is in `sent`, and no other: two that come to the same row, such as a
    report and the next question, cannot undo one another.
    """

    def proven(self, delivery_id: int, text: str) -> bool:
        """Record that the instance is there; `text` says by what. False when the delivery is not `sent`."""
        return self._end_proof(delivery_id, DeliveryState.DELIVERED, None, text)

    def proof_later(self, delivery_id: int, due_at: float, text: str, asked: int) -> bool:
        """Record that nothing is proven after `asked` questions; the next one is asked at `due_at`."""
        return self._end_proof(delivery_id, DeliveryState.SENT, due_at, text, asked)

    def proof_missing(self, delivery_id: int, due_at: float, text: str) -> bool:
        """Record that the instance is not there; it is sent again at `due_at`."""
        return self._end_proof(delivery_id, DeliveryState.PENDING, due_at, text)

    def proof_refused(self, delivery_id: int, text: str) -> bool:
        """Record that the peer will never prove the instance."""
        return self._end_proof(delivery_id, DeliveryState.REJECTED, None, text)

    def proof_failed(self, delivery_id: int, text: str) -> bool:
        """Record that the node has given up asking after the retry horizon."""
        return self._end_proof(delivery_id, DeliveryState.FAILED, None, text)

    def _end_proof(
        self, delivery_id: int, to: DeliveryState, due_at: float | None, text: str, asked: int | None = None
    ) -> bool:
        # Without its row the question is asked again.
        with self._writer.transaction(repeatable=True) as connection:
            changed = connection.execute(
                "UPDATE delivery SET state = ?, due_at = ?, text = ?, asked = coalesce(?, asked), "
                "updated_at = ? WHERE id = ? AND state = 'sent'",
                (to, due_at, text, asked, self._clock(), delivery_id),
            ).rowcount
        return bool(changed)

    def ask_commitment(
        self,
        case_id: int,
        destination: str,
        delivery_ids: Collection[int],
        transaction_uid: Callable[[int], str],
    ) -> str:
        """Record a Storage Commitment request before it is sent; returns its Transaction UID.

        `transaction_uid` makes it from the request's number among those for this set and destination, from 1.
        The deliveries stay due until `await_report`: a worker that dies meanwhile asks at its next start.
        """
        now = self._clock()
        with self._writer.transaction() as connection:
            asked = connection.execute(
                "SELECT count(*) AS n FROM commitment WHERE revision_id = ? AND destination = ?",
                (case_id, destination),
            ).fetchone()["n"]
            uid = transaction_uid(asked + 1)
            connection.execute("INSERT INTO commitment VALUES (?, ?, ?, ?)", (uid, case_id, destination, now))
            connection.executemany(
                "UPDATE delivery SET asked = asked + 1, updated_at = ? WHERE id = ? AND state = 'sent'",
                [(now, each) for each in delivery_ids],
            )
        return uid

    def await_report(self, transaction_uid: str, due_at: float, text: str) -> None:
        """Record that the peer took a request; at `due_at` a report that has not come is given up.

        A delivery that its report put off meanwhile is no longer due since before the request, and stays so.
        """
        with self._writer.transaction(repeatable=True) as connection:
            connection.execute(
                """UPDATE delivery SET due_at = ?, text = ?, updated_at = ? FROM commitment, result
                   WHERE transaction_uid = ? AND delivery.destination = commitment.destination
                   AND result.id = result_id AND result.revision_id = commitment.revision_id
                   AND state = 'sent' AND due_at <= asked_at""",
                (due_at, text, self._clock(), transaction_uid),
            )

    def take(self, source: str, rowid: int) -> None:
        """Remember that another process's table was taken over up to and including a row."""
        with self._writer.transaction() as connection:
            connection.execute(
                "UPDATE taken SET last_rowid = max(last_rowid, ?) WHERE source = ?", (rowid, source)
            )

    def pause(self, destination: str) -> None:
        """Let nothing be sent to a destination, nor any proof be asked of it."""
        with self._writer.transaction() as connection:
            connection.execute(
                "INSERT INTO pause VALUES (?, ?) ON CONFLICT DO NOTHING", (destination, self._clock())
            )

    def resume(self, destination: str) -> None:
        """End a pause: what waits is due now, and its horizon has stood still meanwhile."""
        now = self._clock()
        with self._writer.transaction() as connection:
            connection.execute(
                """UPDATE delivery SET held_s = held_s + max(0, ? - max(created_at, pause.since)),
                   due_at = CASE state WHEN 'pending' THEN min(due_at, ?) ELSE due_at END
                   FROM pause WHERE pause.destination = delivery.destination
                   AND delivery.destination = ? AND state IN ('pending', 'sent')""",
                (now, now, destination),
            )
            connection.execute("DELETE FROM pause WHERE destination = ?", (destination,))
