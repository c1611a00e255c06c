"""Questions to the worker's file, and the only readers of its column names."""

from __future__ import annotations

import json
import sqlite3

from ctsma_node.ledger.delivery_rows import DeliveryQueries
from ctsma_node.ledger.sqlite import LedgerError
from ctsma_node.records import NOTE, REFUSED_KNEES, Case, Event, ResultObject, SeriesState, SourceCount


class CaseQueries(DeliveryQueries):
    """What can be asked of the ledger, over the writing connection or a read-only one."""

    def cursor(self) -> int:
        """Return the last inbox row that was taken over, 0 when none was."""
        rows = self._rows("SELECT rowid_taken FROM cursor")
        return int(rows[0]["rowid_taken"]) if rows else 0

    def get(self, case_id: int) -> Case:
        """Return a case; raises LedgerError when there is none."""
        try:
            rows = self._rows("SELECT * FROM case_row WHERE id = ?", case_id)
        except OverflowError:  # beyond what SQLite counts to
            rows = []
        if not rows:
            raise LedgerError(f"There is no case {case_id}.")
        return case_from(rows[0])

    def by_series(self, series_uid: str) -> list[Case]:
        """Return the revisions of a series, first to last."""
        sql = "SELECT * FROM case_row WHERE series_uid = ? ORDER BY number"
        return [case_from(row) for row in self._rows(sql, series_uid)]

    def by_study(self, study_uid: str) -> list[Case]:
        """Return the revisions of every series of a study, oldest first."""
        return [
            case_from(row)
            for row in self._rows("SELECT * FROM case_row WHERE study_uid = ? ORDER BY id", study_uid)
        ]

    def in_state(self, *states: SeriesState) -> list[Case]:
        """Return the cases in any of the states, oldest first; every case when no state is named."""
        wanted = states or tuple(SeriesState)
        marks = ", ".join("?" * len(wanted))
        return [
            case_from(row)
            for row in self._rows(f"SELECT * FROM case_row WHERE state IN ({marks}) ORDER BY id", *wanted)
        ]

    def latest(self, count: int, before: int | None, *states: SeriesState) -> list[Case]:
        """Return at most so many cases in any of the states, latest first, numbered below `before`."""
        marks = ", ".join("?" * len(states))
        sql = f"SELECT * FROM case_row WHERE state IN ({marks}) AND id < ? ORDER BY id DESC LIMIT ?"
        last = 2**63 - 1 if before is None else before
        return [case_from(row) for row in self._rows(sql, *states, last, count)]

    def due(self, now: float) -> list[Case]:
        """Return the cases whose timer has run out and that nobody works on, the longest due first."""
        sql = "SELECT * FROM case_row WHERE due_at <= ? AND running = 0 ORDER BY due_at, id"
        return [case_from(row) for row in self._rows(sql, now)]

    def results(self, case_id: int) -> list[ResultObject]:
        """Return the objects of a case in the order they are to be sent."""
        sql = "SELECT * FROM result WHERE revision_id = ? ORDER BY id"
        return [_result(row) for row in self._rows(sql, case_id)]

    def has_set(self, case_id: int) -> bool:
        """Return whether measurements were made of a case; the note that none were is no set."""
        return any(each.kind != NOTE for each in self.results(case_id))

    def refused_knees(self, case_id: int) -> frozenset[str]:
        """Return the codes of the knees of a case that were refused beside one that was measured.

        None of a case that was analysed before the history kept them.
        """
        sql = f"""SELECT json_extract(facts, '$.{REFUSED_KNEES}') AS codes FROM event
                  WHERE revision_id = ? AND codes IS NOT NULL ORDER BY id DESC LIMIT 1"""
        return frozenset(code for row in self._rows(sql, case_id) for code in row["codes"].split())

    def source_count(self, series_uid: str) -> SourceCount | None:
        """Return what the source said how many instances a series has; None when it was never asked."""
        rows = self._rows("SELECT * FROM source_count WHERE series_uid = ?", series_uid)
        return SourceCount(**dict(rows[0])) if rows else None

    def largest_gaps(self, calling_ae: str) -> list[float]:
        """Return the largest gap, in seconds, within each of the latest series of a sender."""
        rows = self._rows("SELECT largest_gap_s FROM pace WHERE calling_ae = ?", calling_ae)
        return [row["largest_gap_s"] for row in rows]

    def largest_set(self) -> int:
        """Return the bytes of the largest set of results so far, 0 when there is none."""
        sql = """SELECT coalesce(max(size), 0) AS size
                 FROM (SELECT sum(size) AS size FROM result GROUP BY revision_id)"""
        rows = self._rows(sql)
        return int(rows[0]["size"]) if rows else 0

    def events(self, case_id: int) -> list[Event]:
        """Return the history of a case, oldest first."""
        sql = "SELECT * FROM event WHERE revision_id = ? ORDER BY id"
        return [_event(row) for row in self._rows(sql, case_id)]


def case_from(row: sqlite3.Row) -> Case:
    """Read a row of the view `case_row`."""
    return Case(
        id=row["id"],
        series_uid=row["series_uid"],
        study_uid=row["study_uid"],
        revision=row["number"],
        predecessor=row["predecessor"],
        state=SeriesState(row["state"]),
        code=row["code"],
        reason=row["reason"],
        attempts=row["attempts"],
        running=bool(row["running"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        last_instance_at=row["last_instance_at"],
        n_instances=row["n_instances"],
        calling_ae=row["calling_ae"],
        due_at=row["due_at"],
        instances_digest=row["instances_digest"],
        completed_by=row["completed_by"],
    )


def _result(row: sqlite3.Row) -> ResultObject:
    return ResultObject(
        sop_instance_uid=row["sop_instance_uid"],
        sop_class_uid=row["sop_class_uid"],
        series_uid=row["series_uid"],
        kind=row["kind"],
        side=row["side"],
        path=row["path"],
        size=row["size"],
        sha256=row["sha256"],
        transfer_syntax=row["transfer_syntax"],
    )


def _event(row: sqlite3.Row) -> Event:
    return Event(
        id=row["id"],
        case_id=row["revision_id"],
        at=row["at"],
        action=row["action"],
        from_state=None if row["from_state"] is None else SeriesState(row["from_state"]),
        to_state=SeriesState(row["to_state"]),
        code=row["code"],
        reason=row["reason"],
        facts=json.loads(row["facts"]),
    )
