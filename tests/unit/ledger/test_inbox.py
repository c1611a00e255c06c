"""The receiver's ledger: rows, associations, and readers beside the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ctsma_node.ledger.inbox import Inbox, InboxReader
from ctsma_node.ledger.sqlite import LedgerError
from ctsma_node.records import Association, ImageGeometry, Quarantined, Received

GEOMETRY = ImageGeometry(512, 512, 1, (0.1, -2.0, 1e-7), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), "CT")


def received(number: int, series: str = "1.2.3") -> Received:
    return Received(
        sop_instance_uid=f"1.2.3.{number}",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        transfer_syntax="1.2.840.10008.1.2.1",
        series_uid=series,
        study_uid="1.2",
        association_id="a",
        calling_ae="PACS",
        address="127.0.0.1",
        received_at=float(number),
        path=f"00/{number}.dcm",
        size=10,
        sha256=f"{number:064x}",
        geometry=GEOMETRY,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.sqlite3"


@pytest.fixture
def inbox(path: Path) -> Iterator[Inbox]:
    writer = Inbox(path)
    writer.open_association(Association("a", "PACS", "127.0.0.1", 1.0))
    yield writer
    writer.close()


@pytest.fixture
def reader(path: Path) -> Iterator[InboxReader]:
    side = InboxReader(path)
    yield side
    side.close()


def test_a_row_is_read_back_as_it_was(inbox: Inbox, reader: InboxReader) -> None:
    rowid = inbox.add(received(1))
    (row,) = reader.instances("1.2.3")
    assert (row.rowid, row.position, row.orientation) == (rowid, GEOMETRY.position, GEOMETRY.orientation)
    assert (row.rows, row.columns, row.number_of_frames, row.modality) == (512, 512, 1, "CT")
    assert inbox.find("1.2.3.1") == row
    assert inbox.find("9") is None


def test_absent_geometry_stays_absent(inbox: Inbox, reader: InboxReader) -> None:
    inbox.add(replace(received(1), geometry=ImageGeometry(None, None, 7, None, None, None)))
    (row,) = reader.instances("1.2.3")
    assert (row.rows, row.number_of_frames, row.position, row.modality) == (None, 7, None, None)


def test_the_cursor_walks_over_every_row_once(inbox: Inbox, reader: InboxReader) -> None:
    rowids = [inbox.add(received(number)) for number in range(1, 8)]
    seen, cursor = [], 0
    while batch := reader.instances_after(cursor, limit=3):
        seen += [row.rowid for row in batch]
        cursor = batch[-1].rowid
    assert seen == rowids


def test_an_instance_has_one_row(inbox: Inbox) -> None:
    inbox.add(received(1))
    with pytest.raises(sqlite3.IntegrityError):
        inbox.add(received(1))


def test_a_missing_instance_comes_back_under_a_new_number(inbox: Inbox, reader: InboxReader) -> None:
    first = inbox.add(received(1))
    inbox.mark_missing(["00/1.dcm"], 5.0)
    assert reader.instances("1.2.3")[0].missing_at == 5.0
    second = inbox.add(received(1))
    assert [(row.rowid, row.missing_at) for row in reader.instances("1.2.3")] == [(second, None)]
    assert second > first


def test_a_series_is_open_while_one_of_its_associations_is(inbox: Inbox, reader: InboxReader) -> None:
    inbox.open_association(Association("b", "PACS", "127.0.0.1", 1.0))
    inbox.add(received(1))
    inbox.add(replace(received(2), association_id="b"))
    inbox.add(replace(received(3, "1.9"), association_id=None))
    assert reader.open_associations() == {"a", "b"}
    inbox.close_association("a", 2.0)
    assert reader.association_open("1.2.3")
    inbox.close_association("b", 0.5)  # a clock that went back
    assert not reader.association_open("1.2.3")
    assert not reader.association_open("1.9")


def test_what_a_dead_receiver_left_open_is_closed(inbox: Inbox, reader: InboxReader) -> None:
    assert inbox.close_all_associations(3.0) == 1
    assert inbox.close_all_associations(4.0) == 0
    assert reader.open_associations() == set()


def test_a_failed_transaction_leaves_nothing(inbox: Inbox, reader: InboxReader) -> None:
    inbox.add(received(1))
    with pytest.raises(sqlite3.IntegrityError):
        inbox.add(replace(received(2), path="/etc/passwd"))
    with pytest.raises(sqlite3.IntegrityError):
        inbox.add(replace(received(2), association_id="unknown"))
    assert len(reader.instances_after(0)) == 1
    inbox.add(received(2))


def test_quarantine_is_listed(inbox: Inbox, reader: InboxReader) -> None:
    entry = Quarantined(1.0, "truncated", "a", "PACS", "127.0.0.1", None, None, "00/x.dcm", 3, "0" * 64)
    inbox.add_quarantined(entry)
    assert reader.quarantined() == [entry]
    assert inbox.quarantine_paths() == {"00/x.dcm"}


def test_a_reader_outlives_the_writer(path: Path, reader: InboxReader) -> None:
    assert reader.instances_after(0) == []
    for number in (1, 2, 3):
        writer = Inbox(path)
        writer.add(replace(received(number), association_id=None))
        assert len(reader.instances_after(0)) == number
        writer.close()
    assert len(reader.instances_after(0)) == 3


def test_a_file_that_takes_the_place_of_another_is_read(path: Path, reader: InboxReader) -> None:
    """As when a backup is restored and the page runs on."""
    with closing(Inbox(path)) as writer:
        writer.add(replace(received(1), association_id=None))
        assert len(reader.instances_after(0)) == 1
    path.rename(path.with_name("before.sqlite3"))
    assert len(reader.instances_after(0)) == 1  # nothing else is there yet
    with closing(Inbox(path)) as writer:
        assert reader.instances_after(0) == []
        writer.add(replace(received(2), association_id=None))
        writer.add(replace(received(3), association_id=None))
        assert len(reader.instances_after(0)) == 2


def test_one_process_writes(inbox: Inbox, path: Path) -> None:
    with pytest.raises(LedgerError, match="Another process writes"):
        Inbox(path)


def test_another_versions_file_is_not_touched(path: Path, reader: InboxReader) -> None:
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(LedgerError, match="another version"):
        Inbox(path)
    with pytest.raises(LedgerError, match="another version"):
        reader.instances_after(0)


def test_commits_are_durable(inbox: Inbox) -> None:
    pragmas = {name: inbox._writer.rows(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}  # 2 is FULL
