"""Every statement on the worker's file that follows the system's clock where that was set."""

from __future__ import annotations

from ctsma_node.ledger.proofs import ProofRows

_MOVED = (
    "UPDATE revision SET due_at = due_at + :step WHERE due_at IS NOT NULL AND updated_at <= :before",
    "UPDATE revision SET last_instance_at = last_instance_at + :step WHERE state IN ('receiving', 'stable')",
    "UPDATE delivery SET due_at = due_at + :step, created_at = created_at + :step WHERE due_at IS NOT NULL"
    " AND updated_at <= :before",
    "UPDATE delivery SET sent_at = sent_at + :step WHERE due_at IS NOT NULL AND sent_at <= :before",
    "UPDATE commitment SET asked_at = asked_at + :step WHERE asked_at <= :before",
    "UPDATE source_count SET asked_at = asked_at + :step, since = since + :step WHERE asked_at <= :before",
    "UPDATE pause SET since = since + :step WHERE since <= :before",
    "UPDATE told SET until = until + :step WHERE until > :now",
)
"""By `step` seconds what was written by `before`, the present of the clock as it was before.

A request to commit is about what was sent before it: both times move. What people were told up to moves where
it would lie in the future, else nothing new would be told until then.
"""


class TimerRows(ProofRows):
    """The part of the worker's writing side that is about timers. History keeps its times."""

    def move_timers(self, step_s: float) -> None:
        """Move what waits along with a clock that was set: it comes as late as it would have come.

        What another thread has written meanwhile, by the clock as it is now, stays: it would come too late.
        """
        now = self._clock()
        moved = {"step": step_s, "before": now - step_s, "now": now}
        with self._writer.transaction() as connection:
            for statement in _MOVED:
                connection.execute(statement, moved)

    def last_instance_now(self, case_id: int) -> None:
        """Count the quiet time of a series from now on: its last instance cannot come from the future."""
        with self._writer.transaction() as connection:
            connection.execute(
                "UPDATE revision SET last_instance_at = ? WHERE id = ?", (self._clock(), case_id)
            )
