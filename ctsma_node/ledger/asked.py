"""What a person may ask for: to try a case again, to send its results again, or to let go of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from ctsma_node.ledger.case_rows import CaseQueries
from ctsma_node.ledger.cases import Cases, Fact
from ctsma_node.records import Case, DeliveryState, SeriesState

CANCELLED = "cancelled"
"""The code of a case that a person let go of."""

_ASKED: dict[str, Fact] = {"asked": True}
"""What the history notes of such a move."""

_CANCELLABLE = (SeriesState.STABLE, SeriesState.ACCEPTED, SeriesState.ANALYSED, SeriesState.REPORTED)


def state_when_requeued(cases: CaseQueries, case: Case, purged: int) -> SeriesState | None:
    """Where a requeue brings a case: back to the state that it ended from, or on at once where it waits.

    None where there is nothing to try: it is being worked on, still receiving or wholly delivered, it waits
    for nothing, a later revision has taken its place, or it would have to be read again and `purged` of its
    instances were removed by retention. What is only to be sent or proven needs none of them, but the object
    itself.
    """
    to = _state_before(cases, case)
    is_read = to in (SeriesState.STABLE, SeriesState.ACCEPTED) or (
        to is SeriesState.ANALYSED and not cases.has_set(case.id)
    )
    return None if is_read and purged else to


def _state_before(cases: CaseQueries, case: Case) -> SeriesState | None:
    if case.running or cases.by_series(case.series_uid)[-1].id != case.id:
        return None
    gone = cases.purged_objects(case.id)
    deliveries = {each.state for each in cases.deliveries(case.id) if each.path not in gone}
    if case.state is SeriesState.DELIVERED:
        return SeriesState.REPORTED if deliveries - {DeliveryState.DELIVERED} else None
    if case.state in (SeriesState.REFUSED, SeriesState.FAILED):
        to = next(
            event.from_state for event in reversed(cases.events(case.id)) if event.to_state is case.state
        )
        nothing_left = to is SeriesState.REPORTED and gone and not deliveries - {DeliveryState.DELIVERED}
        return None if nothing_left else to
    if case.state is SeriesState.REPORTED:
        return case.state if any(each.is_open for each in deliveries) else None
    return case.state if case.state is not SeriesState.RECEIVING and case.due_at is not None else None


def can_be_cancelled(case: Case) -> bool:
    """Whether there is anything to let go of. What is still being received would only come again."""
    return case.state in _CANCELLABLE


def can_be_resent(cases: CaseQueries, case: Case) -> bool:
    """Whether the results can be sent again: delivered, the latest of their series, and all still here."""
    return (
        case.state is SeriesState.DELIVERED
        and bool(cases.deliveries(case.id))
        and not cases.purged_objects(case.id)
        and cases.by_series(case.series_uid)[-1].id == case.id
    )


class AskedCases(Cases):
    """Cases, and what a person may ask of them."""

    def requeue(self, case_id: int, seen_event: int, purged: Callable[[str], int]) -> Case | None:
        """Try a case again; returns it, or None where its history has gone on or there is nothing to try.

        `purged` tells how many instances of a series retention has removed. What was not delivered is due
        again, what was sent has its proof asked for at once, and the retry horizon of both begins anew.
        """
        with self._writer.transaction() as connection:
            case = self._get(connection, case_id)
            to = state_when_requeued(self, case, purged(case.series_uid))
            if to is None or self.events(case_id)[-1].id != seen_event:
                return None
            self._put(connection, case_id, to)
            if to is SeriesState.REPORTED:
                now = self._clock()
                connection.execute(
                    "UPDATE delivery SET attempts = CASE state WHEN 'sent' THEN attempts ELSE 0 END, "
                    "state = CASE state WHEN 'sent' THEN 'sent' ELSE 'pending' END, asked = 0, "
                    "created_at = ?, held_s = 0, due_at = ?, updated_at = ? WHERE state <> 'delivered' "
                    "AND result_id IN (SELECT id FROM result WHERE revision_id = ? AND purged_at IS NULL)",
                    (now, now, now, case_id),
                )
            self._record(connection, case_id, "requeued", case.state, to, facts=_ASKED)
            return self._get(connection, case_id)

    def resend(self, case_id: int, seen_event: int, destination: str = "") -> Case | None:
        """Send the results again, to one destination or to all, with the retry horizon from now on.

        Returns the case, or None where its history has gone on, `can_be_resent` denies it, or nothing of it
        was ever for that destination.
        """
        with self._writer.transaction() as connection:
            case = self._get(connection, case_id)
            if not can_be_resent(self, case) or self.events(case_id)[-1].id != seen_event:
                return None
            now = self._clock()
            changed = connection.execute(
                "UPDATE delivery SET state = 'pending', attempts = 0, asked = 0, sent_at = NULL, "
                "created_at = ?, held_s = 0, due_at = ?, updated_at = ? WHERE ? IN ('', destination) "
                "AND result_id IN (SELECT id FROM result WHERE revision_id = ?)",
                (now, now, now, destination, case_id),
            )
            if not changed.rowcount:
                return None
            self._put(connection, case_id, SeriesState.REPORTED)
            facts: dict[str, Fact] = _ASKED | {"sent again to": destination or "every destination"}
            self._record(connection, case_id, "requeued", case.state, SeriesState.REPORTED, facts=facts)
            return self._get(connection, case_id)

    def cancel(self, case_id: int) -> Case | None:
        """Let go of a case and of its deliveries that are not made; None where there is nothing left."""
        with self._writer.transaction() as connection:
            case = self._get(connection, case_id)
            if case.running or not can_be_cancelled(case):
                return None
            reason = "A person cancelled it."
            self._put(connection, case_id, SeriesState.FAILED, CANCELLED, reason)
            connection.execute(
                "UPDATE delivery SET state = 'failed', due_at = NULL, text = 'cancelled', updated_at = ? "
                "WHERE state IN ('pending', 'sent') AND result_id IN "
                "(SELECT id FROM result WHERE revision_id = ?)",
                (self._clock(), case_id),
            )
            to = SeriesState.FAILED
            self._record(connection, case_id, "moved", case.state, to, CANCELLED, reason, _ASKED)
            return self._get(connection, case_id)

    def _put(
        self,
        connection: sqlite3.Connection,
        case_id: int,
        to: SeriesState,
        code: str | None = None,
        reason: str | None = None,
    ) -> None:
        connection.execute(
            "UPDATE revision SET state = ?, code = ?, reason = ?, running = 0, attempts = 0, due_at = NULL, "
            "updated_at = ? WHERE id = ?",
            (to, code, reason, self._clock(), case_id),
        )
