"""Every statement on the worker's file that writes cases and their moves."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from ctsma_node.ledger.case_rows import CaseQueries, case_from
from ctsma_node.ledger.completion_rows import CompletionRows
from ctsma_node.ledger.sqlite import LedgerError, Reader, Writer
from ctsma_node.ledger.timer_rows import TimerRows
from ctsma_node.ledger.troubles import TroubleRows
from ctsma_node.records import TRANSITIONS, Case, Event, SeriesState

Fact = str | int | float | bool | None


class AttemptsExhausted(LedgerError):
    """The case was claimed as often as the settings allow; its caller fails it."""


class CasesReader(CaseQueries):
    """The read-only side, for `status`."""

    def __init__(self, path: Path) -> None:
        self._reader = Reader(path, "cases.sql")
        super().__init__(self._reader.rows)

    def close(self) -> None:
        """Close the file; the next question opens it again."""
        self._reader.close()


class Cases(CompletionRows, TimerRows, TroubleRows):
    """The worker's writing side; its methods may be called from any thread of the process."""

    def __init__(self, path: Path, max_attempts: int = 3, clock: Callable[[], float] = time.time) -> None:
        super().__init__(Writer(path, "cases.sql"), clock)
        self._max_attempts = max_attempts

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def advance_cursor(self, rowid: int) -> None:
        """Remember that the inbox was taken over up to and including a row; never goes back."""
        with self._writer.transaction() as connection:
            connection.execute("UPDATE cursor SET rowid_taken = max(rowid_taken, ?)", (rowid,))

    def upsert_series(
        self, series_uid: str, study_uid: str, last_instance_at: float, n_instances: int, calling_ae: str
    ) -> Case:
        """Take over news of a series: `n_instances` is how many it has by now, all told.

        A series not seen before, and one with more instances than its latest revision where that has left
        `receiving`, opens a revision; news that is not new changes nothing (the sweep may repeat itself after
        a crash). Returns the latest revision.
        """
        with self._writer.transaction() as connection:
            connection.execute(
                "INSERT INTO series VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (series_uid, study_uid, calling_ae),
            )
            latest = self._latest(connection, series_uid)
            if latest is None or self._is_late(latest, last_instance_at, n_instances):
                return self._open(connection, latest, series_uid, last_instance_at, n_instances)
            if latest.state is SeriesState.RECEIVING:
                connection.execute(
                    "UPDATE revision SET last_instance_at = max(last_instance_at, ?), n_instances = ?, "
                    "updated_at = ? WHERE id = ?",
                    (last_instance_at, n_instances, self._clock(), latest.id),
                )
            return self._get(connection, latest.id)

    @staticmethod
    def _latest(connection: sqlite3.Connection, series_uid: str) -> Case | None:
        sql = "SELECT * FROM case_row WHERE series_uid = ? ORDER BY number DESC LIMIT 1"
        row = connection.execute(sql, (series_uid,)).fetchone()
        return None if row is None else case_from(row)

    @staticmethod
    def _is_late(latest: Case, last_instance_at: float, n_instances: int) -> bool:
        if latest.state is SeriesState.RECEIVING:
            return False
        return n_instances > latest.n_instances or last_instance_at > latest.last_instance_at

    def _open(
        self,
        connection: sqlite3.Connection,
        latest: Case | None,
        series_uid: str,
        last_instance_at: float,
        n_instances: int,
    ) -> Case:
        now = self._clock()
        number, predecessor = (1, None) if latest is None else (latest.revision + 1, latest.id)
        cursor = connection.execute(
            """INSERT INTO revision (series_uid, number, predecessor, state, created_at, updated_at,
               last_instance_at, n_instances) VALUES (?, ?, ?, 'receiving', ?, ?, ?, ?)""",
            (series_uid, number, predecessor, now, now, last_instance_at, n_instances),
        )
        case_id = cast(int, cursor.lastrowid)
        self._record(connection, case_id, "opened", None, SeriesState.RECEIVING)
        return self._get(connection, case_id)

    def claim(self, case_id: int) -> Case:
        """Mark a case as being worked on, and count the attempt before the work can kill the process.

        Raises AttemptsExhausted when it was claimed often enough since its last move, and LedgerError when
        it is running already or has no step to be claimed for.
        """
        with self._writer.transaction() as connection:
            case = self._get(connection, case_id)
            if case.running or case.state is SeriesState.RECEIVING or not TRANSITIONS[case.state]:
                raise LedgerError(self._complaint(case, "cannot be claimed"))
            if case.attempts >= self._max_attempts:
                raise AttemptsExhausted(
                    f"Case {case_id} was tried {case.attempts} times in state {case.state}."
                )
            connection.execute(
                "UPDATE revision SET attempts = attempts + 1, running = 1, due_at = NULL, updated_at = ? "
                "WHERE id = ?",
                (self._clock(), case_id),
            )
            facts = {"attempt": case.attempts + 1}
            self._record(connection, case_id, "claimed", case.state, case.state, facts=facts)
            return self._get(connection, case_id)

    def move(
        self,
        case_id: int,
        to: SeriesState,
        *,
        code: str | None = None,
        reason: str | None = None,
        instances_digest: str | None = None,
        completed_by: str | None = None,
        **facts: Fact,
    ) -> Case:
        """Move a case on and write its history, in one transaction; clears the claim, attempts and timer.

        Raises LedgerError with the case's history when TRANSITIONS has no such move.
        """
        with self._writer.transaction() as connection:
            case = self._get(connection, case_id)
            if to not in TRANSITIONS[case.state]:
                raise LedgerError(self._complaint(case, f"cannot move from {case.state} to {to}"))
            connection.execute(
                "UPDATE revision SET state = ?, code = ?, reason = ?, running = 0, attempts = 0, "
                "due_at = NULL, instances_digest = coalesce(?, instances_digest), "
                "completed_by = coalesce(?, completed_by), updated_at = ? WHERE id = ?",
                (to, code, reason, instances_digest, completed_by, self._clock(), case_id),
            )
            self._record(connection, case_id, "moved", case.state, to, code, reason, facts)
            return self._get(connection, case_id)

    def release(self, case_id: int, due_at: float, code: str, reason: str, *, counted: bool = True) -> Case:
        """Give a claimed case back, due again at `due_at`, after an attempt that failed.

        With `counted` false nothing failed: the case waits, and its claim is no attempt.
        """
        with self._writer.transaction() as connection:
            case = self._get(connection, case_id)
            if not case.running:
                raise LedgerError(self._complaint(case, "is not running and cannot be released"))
            connection.execute(
                "UPDATE revision SET running = 0, due_at = ?, code = ?, reason = ?, updated_at = ?, "
                "attempts = attempts - ? WHERE id = ?",
                (due_at, code, reason, self._clock(), 0 if counted else 1, case_id),
            )
            self._record(connection, case_id, "released", case.state, case.state, code, reason)
            return self._get(connection, case_id)

    def set_timer(self, case_id: int, due_at: float | None) -> None:
        """Set, change or clear the timer of a case."""
        with self._writer.transaction() as connection:
            connection.execute("UPDATE revision SET due_at = ? WHERE id = ?", (due_at, case_id))

    def wake(self, study_uid: str, code: str) -> None:
        """Make the cases of a study due now that were released with a code."""
        with self._writer.transaction(repeatable=True) as connection:
            connection.execute(
                """UPDATE revision SET due_at = min(due_at, ?) WHERE running = 0 AND due_at IS NOT NULL
                   AND code = ? AND series_uid IN (SELECT uid FROM series WHERE study_uid = ?)""",
                (self._clock(), code, study_uid),
            )

    def requeue_running(self) -> int:
        """Give back, at start, what a worker that died was working on; returns how many.

        The attempts stay counted, so a case that kills its worker cannot loop for ever.
        """
        with self._writer.transaction() as connection:
            running = [case_from(r) for r in connection.execute("SELECT * FROM case_row WHERE running = 1")]
            for case in running:
                connection.execute(
                    "UPDATE revision SET running = 0, updated_at = ? WHERE id = ?", (self._clock(), case.id)
                )
                self._record(connection, case.id, "requeued", case.state, case.state)
            return len(running)

    def _get(self, connection: sqlite3.Connection, case_id: int) -> Case:
        row = connection.execute("SELECT * FROM case_row WHERE id = ?", (case_id,)).fetchone()
        if row is None:
            raise LedgerError(f"There is no case {case_id}.")
        return case_from(row)

    def _record(
        self,
        connection: sqlite3.Connection,
        case_id: int,
        action: str,
        from_state: SeriesState | None,
        to_state: SeriesState,
        code: str | None = None,
        reason: str | None = None,
        facts: dict[str, Fact] | dict[str, int] | None = None,
    ) -> None:
        connection.execute(
            """INSERT INTO event (revision_id, at, action, from_state, to_state, code, reason, facts)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            (case_id, self._clock(), action, from_state, to_state, code, reason, json.dumps(facts or {})),
        )

    def _complaint(self, case: Case, what: str) -> str:
        history = " | ".join(map(_line, self.events(case.id)))
        return f"Case {case.id} {what}. Its history: {history}"


def _line(event: Event) -> str:
    code = "" if event.code is None else f" ({event.code})"
    return f"{event.action} {event.from_state or ''}->{event.to_state}{code}"
