"""Every statement on the receiver's file: `Inbox` writes, `InboxReader` reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import cast

from ctsma_node.ledger.inbox_purge import PurgeQueries, PurgeRows
from ctsma_node.ledger.sqlite import Reader, Writer
from ctsma_node.records import Association, CommitmentReport, Instance, Quarantined, Received

_OPEN_OF_SERIES = """
    SELECT 1 FROM instance JOIN association ON association.id = instance.association_id
    WHERE instance.series_uid = ? AND association.closed_at IS NULL LIMIT 1"""


class Inbox(PurgeRows):
    """The receiver's writing side; its methods may be called from any thread of the process."""

    def __init__(self, path: Path) -> None:
        super().__init__(Writer(path, "inbox.sql"))

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def open_association(self, association: Association) -> None:
        """Record that a source opened an association."""
        with self._writer.transaction() as connection:
            connection.execute("INSERT INTO association VALUES (?, ?, ?, ?, ?)", astuple(association))

    def close_association(self, association_id: str, at: float) -> None:
        """Record that an association ended; a second end is ignored."""
        with self._writer.transaction() as connection:
            connection.execute(
                "UPDATE association SET closed_at = max(?, opened_at) WHERE id = ? AND closed_at IS NULL",
                (at, association_id),
            )

    def close_all_associations(self, at: float) -> int:
        """Close what a receiver that died left open; returns how many."""
        with self._writer.transaction() as connection:
            return connection.execute(
                "UPDATE association SET closed_at = max(?, opened_at) WHERE closed_at IS NULL", (at,)
            ).rowcount

    def find(self, sop_instance_uid: str) -> Instance | None:
        """Return the row of an instance, or None."""
        rows = self._writer.rows("SELECT * FROM instance WHERE sop_instance_uid = ?", sop_instance_uid)
        return _instance(rows[0]) if rows else None

    def add(self, received: Received) -> int:
        """Add the row of an instance whose file is durable; returns its rowid.

        An instance whose file had gone missing or was purged gets a new row and so a new rowid: its series is
        looked at again.
        Raises sqlite3.IntegrityError when the instance has a row whose file is there.
        """
        return self._writer.together(lambda connection: _add(connection, received))

    def add_all(self, instances: Sequence[Received]) -> None:
        """Add the rows of several, or none of them."""
        with self._writer.transaction() as connection:
            for received in instances:
                _add(connection, received)

    def add_quarantined(self, quarantined: Quarantined) -> None:
        """Record bytes that went into quarantine; the same bytes, purged before, begin anew."""
        with self._writer.transaction() as connection:
            connection.execute(
                "DELETE FROM quarantined WHERE path = ? AND purged_at IS NOT NULL", (quarantined.path,)
            )
            connection.execute(
                """INSERT INTO quarantined (received_at, code, association_id, calling_ae, address,
                   sop_instance_uid, transfer_syntax, path, size, sha256)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                astuple(quarantined)[:-1],
            )

    def add_report(self, report: CommitmentReport, calling_ae: str, address: str, at: float) -> None:
        """Record a Storage Commitment report, durably: its sender is then told that it was taken."""
        with self._writer.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO report (received_at, calling_ae, address, transaction_uid) VALUES (?, ?, ?, ?)",
                (at, calling_ae, address, report.transaction_uid),
            )
            named = [(uid, None) for uid in report.committed] + list(report.failed.items())
            connection.executemany(
                "INSERT INTO reported_instance VALUES (?, ?, ?)",
                [(cursor.lastrowid, uid, reason) for uid, reason in named],
            )

    def has_path(self, path: str) -> bool:
        """Say whether the instance of a spool path has a row by which its file is there."""
        sql = "SELECT 1 FROM instance WHERE path = ? AND missing_at IS NULL AND purged_at IS NULL"
        return bool(self._writer.rows(sql, path))

    def present_paths(self) -> set[str]:
        """Return the spool path of every instance whose file is neither known to be missing nor purged."""
        sql = "SELECT path FROM instance WHERE missing_at IS NULL AND purged_at IS NULL"
        return {row["path"] for row in self._writer.rows(sql)}

    def quarantine_paths(self) -> set[str]:
        """Return the quarantine path of everything in quarantine that is not purged."""
        sql = "SELECT path FROM quarantined WHERE purged_at IS NULL"
        return {row["path"] for row in self._writer.rows(sql)}

    def mark_missing(self, paths: Iterable[str], at: float) -> None:
        """Mark instances whose file is gone from the spool."""
        with self._writer.transaction() as connection:
            connection.executemany(
                "UPDATE instance SET missing_at = ? WHERE path = ? AND missing_at IS NULL",
                [(at, path) for path in paths],
            )


class InboxReader(PurgeQueries):
    """The read-only side, for the worker and for `status`."""

    def __init__(self, path: Path) -> None:
        self._reader = Reader(path, "inbox.sql")
        super().__init__(self._reader.rows)

    def close(self) -> None:
        """Close the file; the next question opens it again."""
        self._reader.close()

    def instances_after(self, rowid: int, limit: int = 10_000) -> list[Instance]:
        """Return instances that came after a cursor, oldest first."""
        sql = "SELECT * FROM instance WHERE rowid > ? ORDER BY rowid LIMIT ?"
        return [_instance(row) for row in self._reader.rows(sql, rowid, limit)]

    def instances(self, series_uid: str) -> list[Instance]:
        """Return the instances of a series in the order they came, without those that were purged."""
        sql = "SELECT * FROM instance WHERE series_uid = ? AND purged_at IS NULL ORDER BY rowid"
        return [_instance(row) for row in self._reader.rows(sql, series_uid)]

    def open_associations(self) -> set[str]:
        """Return the ids of associations that are open now."""
        return {row["id"] for row in self._reader.rows("SELECT id FROM association WHERE closed_at IS NULL")}

    def association_open(self, series_uid: str) -> bool:
        """Say whether an association that brought an instance of the series is still open."""
        return bool(self._reader.rows(_OPEN_OF_SERIES, series_uid))

    def reports_after(self, rowid: int) -> list[tuple[int, CommitmentReport]]:
        """Return Storage Commitment reports that came after a cursor, each with its row, oldest first."""
        found = self._reader.rows("SELECT id, transaction_uid FROM report WHERE id > ? ORDER BY id", rowid)
        return [(row["id"], self._report(row["id"], row["transaction_uid"])) for row in found]

    def _report(self, rowid: int, transaction_uid: str) -> CommitmentReport:
        rows = self._reader.rows("SELECT * FROM reported_instance WHERE report_id = ?", rowid)
        reasons = {row["sop_instance_uid"]: row["failure_reason"] for row in rows}
        committed = frozenset(uid for uid, reason in reasons.items() if reason is None)
        failed = {uid: reason for uid, reason in reasons.items() if reason is not None}
        return CommitmentReport(transaction_uid, committed, failed)

    def quarantined(self) -> list[Quarantined]:
        """Return what is in quarantine, oldest first."""
        sql = "SELECT * FROM quarantined WHERE purged_at IS NULL ORDER BY id"
        return [_quarantined(row) for row in self._reader.rows(sql)]


def _columns(received: Received) -> tuple[object, ...]:
    geometry = received.geometry
    return (
        received.sop_instance_uid,
        received.sop_class_uid,
        received.transfer_syntax,
        received.series_uid,
        received.study_uid,
        received.association_id,
        received.calling_ae,
        received.address,
        received.received_at,
        received.path,
        received.size,
        received.sha256,
        geometry.rows,
        geometry.columns,
        geometry.number_of_frames,
        _text(geometry.position),
        _text(geometry.orientation),
        geometry.modality,
    )


def _instance(row: sqlite3.Row) -> Instance:
    return Instance(
        rowid=row["rowid"],
        sop_instance_uid=row["sop_instance_uid"],
        sop_class_uid=row["sop_class_uid"],
        transfer_syntax=row["transfer_syntax"],
        series_uid=row["series_uid"],
        study_uid=row["study_uid"],
        association_id=row["association_id"],
        calling_ae=row["calling_ae"],
        address=row["address"],
        received_at=row["received_at"],
        path=row["path"],
        size=row["size"],
        sha256=row["sha256"],
        rows=row["number_of_rows"],
        columns=row["number_of_columns"],
        number_of_frames=row["number_of_frames"],
        position=cast("tuple[float, float, float] | None", _numbers(row["position"])),
        orientation=cast(
            "tuple[float, float, float, float, float, float] | None", _numbers(row["orientation"])
        ),
        modality=row["modality"],
        missing_at=row["missing_at"],
        purged_at=row["purged_at"],
    )


def _quarantined(row: sqlite3.Row) -> Quarantined:
    return Quarantined(**{name: row[name] for name in row.keys() if name != "id"})  # noqa: SIM118


def _text(numbers: tuple[float, ...] | None) -> str | None:
    return None if numbers is None else " ".join(map(repr, numbers))


def _numbers(text: str | None) -> tuple[float, ...] | None:
    return None if text is None else tuple(map(float, text.split()))


def _add(connection: sqlite3.Connection, received: Received) -> int:
    connection.execute(
        "DELETE FROM instance WHERE sop_instance_uid = ? "
        "AND (missing_at IS NOT NULL OR purged_at IS NOT NULL)",
        (received.sop_instance_uid,),
    )
    cursor = connection.execute(
        """INSERT INTO instance (sop_instance_uid, sop_class_uid, transfer_syntax, series_uid,
           study_uid, association_id, calling_ae, address, received_at, path, size, sha256,
           number_of_rows, number_of_columns, number_of_frames, position, orientation, modality)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        _columns(received),
    )
    return cast(int, cursor.lastrowid)
