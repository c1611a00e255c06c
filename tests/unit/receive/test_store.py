"""One C-STORE request: its answer, its file, its row, and what stays when something fails."""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
import threading
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from ctsma_node.ledger.inbox import Inbox, InboxReader
from ctsma_node.receive import refusal
from ctsma_node.receive.adopt import UNEXPLAINED, Adopted, Adoption
from ctsma_node.receive.part10 import preamble_and_meta
from ctsma_node.receive.recover import Recovery, recover
from ctsma_node.receive.store import CONFLICT, Store, StoreRequest
from ctsma_node.records import Association, Received
from ctsma_node.spool import Spool
from tests.fixtures.encoded import changed, ct_slice, encoded

ASSOCIATION = Association("a", "PACS", "192.0.2.10", 1.0)
NOTHING = Recovery(0, 0, 0, (), ())


def request_for(ds: Dataset, **other: Any) -> StoreRequest:
    asked = StoreRequest(
        association=ASSOCIATION,
        called_ae="CTSMA",
        context_sop_class=str(uid.CTImageStorage),
        transfer_syntax=str(uid.ExplicitVRLittleEndian),
        sop_class_uid=str(ds.SOPClassUID),
        sop_instance_uid=str(ds.SOPInstanceUID),
        dataset=BytesIO(encoded(ds)),
    )
    return replace(asked, **other)


@dataclass
class Node:
    """A receiver without its network."""

    folder: Path
    min_free_bytes: int = 0

    def __post_init__(self) -> None:
        self.spool, self.quarantine = Spool(self.folder / "spool"), Spool(self.folder / "quarantine")
        for each in (self.spool, self.quarantine):
            each.prepare()
        self.inbox = Inbox(self.folder / "inbox.sqlite3")
        self.store = Store(self.inbox, self.spool, self.quarantine, self.min_free_bytes, lambda: 7.0)
        self.reader = InboxReader(self.folder / "inbox.sqlite3")

    def recover(self) -> Recovery:
        return recover(self.inbox, self.spool, self.quarantine, lambda: 9.0)

    def adopt(self, found: Recovery) -> Adopted:
        return Adoption(self.inbox, self.spool, self.quarantine, self.store.lock_of, lambda: 9.0).run(found)

    def close(self) -> None:
        self.inbox.close()
        self.reader.close()

    @property
    def n_rows(self) -> int:
        return len(self.reader.instances_after(0))

    @property
    def files(self) -> list[Path]:
        return sorted(path for path in self.spool.folder.rglob("*") if path.is_file())


def placed(spool: Spool, name: str, content: bytes) -> Path:
    """A file put into the spool by nobody."""
    path = spool.folder / "00" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path / "state")
    node.inbox.open_association(ASSOCIATION)
    yield node
    node.close()


def test_an_instance_is_a_file_and_a_row(node: Node) -> None:
    ds = ct_slice(3)
    assert node.store(request_for(ds)) is None
    (row,) = node.reader.instances(ds.SeriesInstanceUID)
    assert (row.sop_instance_uid, row.association_id, row.calling_ae) == (ds.SOPInstanceUID, "a", "PACS")
    assert row.sha256 == hashlib.sha256(encoded(ds)).hexdigest()
    read = dcmread(node.spool.path(row.path))
    assert read == ds
    assert read.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
    assert (row.size, row.position) == (len(encoded(ds)), (0.5, -2.0, 3.0))


def test_names_of_files_are_hashes(node: Node) -> None:
    node.store(request_for(ct_slice(3)))
    (path,) = node.files
    assert path.stem == hashlib.sha256(ct_slice(3).SOPInstanceUID.encode()).hexdigest()


def test_the_same_again_is_one_row(node: Node) -> None:
    assert [node.store(request_for(ct_slice())) for _ in range(3)] == [None] * 3
    assert (node.n_rows, len(node.files), node.reader.quarantined()) == (1, 1, [])


def test_other_bytes_under_the_same_uid_go_to_quarantine(node: Node) -> None:
    node.store(request_for(ct_slice()))
    other = changed(ct_slice(), PixelData=b"\7" * 512)
    assert [node.store(request_for(other)) for _ in range(2)] == [None, None]
    (entry,) = node.reader.quarantined()
    assert (entry.code, entry.sop_instance_uid) == (CONFLICT, other.SOPInstanceUID)
    assert dcmread(node.quarantine.path(entry.path)).PixelData == other.PixelData
    (row,) = node.reader.instances_after(0)
    assert dcmread(node.spool.path(row.path)) == ct_slice()


def test_other_bytes_whose_lock_is_that_of_their_uid_do_not_wait_for_themselves(node: Node) -> None:
    first = ct_slice()
    node.store(request_for(first))
    lock = node.store.lock_of(hashlib.sha256(first.SOPInstanceUID.encode()).hexdigest())
    others = (changed(ct_slice(), PixelData=number.to_bytes(2, "big") * 256) for number in range(5000))
    other = next(ds for ds in others if node.store.lock_of(hashlib.sha256(encoded(ds)).hexdigest()) is lock)
    storing = threading.Thread(target=node.store, args=(request_for(other),), daemon=True)
    storing.start()
    storing.join(30)
    assert not storing.is_alive()
    assert [entry.code for entry in node.reader.quarantined()] == [CONFLICT]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"sop_class_uid": str(uid.MRImageStorage)}, refusal.MISMATCH),
        ({"context_sop_class": str(uid.EnhancedCTImageStorage)}, refusal.MISMATCH),
        ({"sop_instance_uid": "1.2.3.4"}, refusal.MISMATCH),
        ({"sop_instance_uid": ""}, refusal.INVALID_UID),
        ({"sop_instance_uid": "../../../etc/passwd"}, refusal.INVALID_UID),
        ({"sop_instance_uid": "1.2\n.3"}, refusal.INVALID_UID),
        ({"sop_instance_uid": "1.2\0"}, refusal.INVALID_UID),
        ({"sop_instance_uid": "1" * 65}, refusal.INVALID_UID),
        ({"sop_class_uid": ""}, refusal.INVALID_UID),
        ({"dataset": BytesIO()}, refusal.UNREADABLE),
        ({"dataset": BytesIO(b"\xff" * 64)}, refusal.INVALID_UID),
        ({"dataset": BytesIO(encoded(ct_slice())[:-2])}, refusal.TRUNCATED),
    ],
)
def test_what_is_not_right_is_refused_and_kept(
    node: Node, other: dict[str, Any], expected: refusal.Refusal
) -> None:
    asked = request_for(ct_slice(), **other)
    assert [node.store(asked) for _ in range(2)] == [expected, expected]
    assert (node.n_rows, node.files) == (0, [])
    (entry,) = node.reader.quarantined()
    assert entry.code == expected.code
    assert node.quarantine.path(entry.path).read_bytes().endswith(asked.dataset.getvalue())
    assert list(node.folder.parent.iterdir()) == [node.folder]


def test_an_instance_that_is_truncated_can_be_sent_again_whole(node: Node) -> None:
    node.store(request_for(ct_slice(), dataset=BytesIO(encoded(ct_slice())[:-2])))
    assert node.store(request_for(ct_slice())) is None
    assert node.n_rows == 1


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_full_disk_is_told_and_leaves_nothing(
    node: Node, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        assert node.store(request_for(ct_slice())) is refusal.OUT_OF_RESOURCES
    assert (node.n_rows, node.files) == (0, [])
    assert node.store(request_for(ct_slice())) is None


def test_a_row_that_cannot_be_written_takes_its_file_along(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(node.inbox, "add", fail)
        assert node.store(request_for(ct_slice())) is refusal.OUT_OF_RESOURCES
    assert (node.n_rows, node.files) == (0, [])
    assert node.store(request_for(ct_slice())) is None


def test_it_is_refused_before_the_disk_is_full(tmp_path: Path) -> None:
    node = Node(tmp_path, min_free_bytes=1 << 60)
    node.inbox.open_association(ASSOCIATION)
    assert node.store(request_for(ct_slice())) is refusal.OUT_OF_RESOURCES
    assert (node.n_rows, node.files, node.reader.quarantined()) == (0, [], [])
    node.store._min_free_bytes = 0
    assert node.store(request_for(ct_slice())) is None
    node.close()


def test_the_room_for_results_is_left_free(node: Node) -> None:
    node.store._least_free = lambda least: least + (1 << 60)
    assert node.store(request_for(ct_slice())) is refusal.OUT_OF_RESOURCES
    assert (node.n_rows, node.files, node.reader.quarantined()) == (0, [], [])
    node.store._least_free = lambda least: least
    assert node.store(request_for(ct_slice())) is None


def test_the_row_comes_after_the_file_is_durable(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    write, add = node.spool.write, node.inbox.add

    def written(*arguments: Any) -> str:
        relative = write(*arguments)
        calls.append("file")
        return relative

    def added(received: Any) -> int:
        assert node.spool.path(received.path).exists()
        calls.append("row")
        return add(received)

    monkeypatch.setattr(node.spool, "write", written)
    monkeypatch.setattr(node.inbox, "add", added)
    assert node.store(request_for(ct_slice())) is None
    assert calls == ["file", "row"]


def test_two_at_once_with_one_uid_are_one_instance(node: Node) -> None:
    answers: list[Any] = []
    asked = [request_for(ct_slice()) for _ in range(8)]
    threads = [threading.Thread(target=lambda each=each: answers.append(node.store(each))) for each in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [None] * 8
    assert (node.n_rows, len(node.files), node.reader.quarantined()) == (1, 1, [])


def test_a_file_that_went_missing_is_taken_again(node: Node) -> None:
    node.store(request_for(ct_slice()))
    first = node.reader.instances_after(0)[0]
    node.files[0].unlink()
    assert node.store(request_for(ct_slice())) is None
    (row,) = node.reader.instances_after(first.rowid)
    assert row.missing_at is None
    assert len(node.files) == 1


def test_recovery_of_a_clean_state_finds_nothing(node: Node) -> None:
    node.store(request_for(ct_slice()))
    node.inbox.close_association("a", 2.0)
    assert node.recover() == NOTHING


def test_recovery_removes_part_files_and_closes_associations(node: Node) -> None:
    for each in (node.spool, node.quarantine):
        placed(each, "x.dcm.part", b"half")
    assert node.recover() == replace(NOTHING, parts_removed=2, associations_closed=1)
    assert node.files == []


def test_recovery_adopts_a_file_without_a_row(node: Node) -> None:
    node.store(request_for(ct_slice(5)))
    before = node.reader.instances_after(0)[0]
    node.close()
    for path in node.folder.glob("inbox.sqlite3*"):
        path.unlink()
    again = Node(node.folder)
    found = again.recover()
    assert found == replace(NOTHING, unindexed=(before.path,))
    assert again.adopt(found) == Adopted(1, 0)
    (row,) = again.reader.instances_after(0)
    assert row == replace(before, association_id=None, address="", received_at=9.0)
    assert again.store(request_for(ct_slice(5), association=replace(ASSOCIATION, id="b"))) is None
    assert again.n_rows == 1
    again.close()


def forgotten(node: Node) -> tuple[Node, Recovery]:
    """The node after its inbox is lost, and what its recovery finds; nothing is adopted yet."""
    node.close()
    for path in node.folder.glob("inbox.sqlite3*"):
        path.unlink()
    again = Node(node.folder)
    again.inbox.open_association(ASSOCIATION)
    return again, again.recover()


def test_a_name_is_durable_before_its_row(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that was killed between rename and fsync has left a name that a power cut can still take."""
    node.store(request_for(ct_slice(5)))
    set_aside = node.quarantine.path(node.quarantine.write("cd" * 32, (b"of nobody",)))
    (found,) = node.files
    again, recovery = forgotten(node)
    synced: list[Path] = []
    monkeypatch.setattr("ctsma_node.spool.sync_folder", synced.append)
    seen_by = {name: _before(monkeypatch, name, synced) for name in ("add_all", "add_quarantined")}
    assert again.adopt(recovery) == Adopted(1, 0)
    assert found.parent in seen_by["add_all"]
    assert set_aside.parent in seen_by["add_quarantined"]
    again.close()


def _before(monkeypatch: pytest.MonkeyPatch, name: str, done: list[Path]) -> list[Path]:
    """What was done when that method of the inbox was called."""
    seen: list[Path] = []
    real = getattr(Inbox, name)

    def call(self: Inbox, rows: Any) -> Any:
        seen.extend(done)
        return real(self, rows)

    monkeypatch.setattr(Inbox, name, call)
    return seen


def test_an_instance_sent_again_before_it_is_adopted_has_one_row(node: Node) -> None:
    node.store(request_for(ct_slice(5)))
    content = node.files[0].read_bytes()
    again, found = forgotten(node)
    assert again.store(request_for(ct_slice(5))) is None
    assert again.adopt(found) == Adopted(0, 0)
    (row,) = again.reader.instances_after(0)
    assert (row.association_id, again.files[0].read_bytes()) == (None, content)
    again.close()


def test_other_bytes_that_come_before_the_first_are_adopted_do_not_replace_them(node: Node) -> None:
    node.store(request_for(ct_slice(5)))
    content = node.files[0].read_bytes()
    again, found = forgotten(node)
    assert again.store(request_for(changed(ct_slice(5), PatientID="other"))) is None
    assert again.files[0].read_bytes() == content
    assert [each.code for each in again.reader.quarantined()] == [CONFLICT]
    assert again.adopt(found) == Adopted(0, 0)
    assert again.n_rows == 1
    again.close()


def test_what_cannot_be_adopted_gives_way_to_the_same_instance(node: Node) -> None:
    node.store(request_for(ct_slice(5)))
    node.files[0].write_bytes(b"no Part 10 file")
    again, found = forgotten(node)
    assert again.store(request_for(ct_slice(5))) is None
    assert again.adopt(found) == Adopted(0, 0)
    assert again.n_rows == 1
    again.close()


def test_many_files_without_rows_are_adopted(node: Node) -> None:
    for number in range(150):
        node.store(request_for(ct_slice(number)))
    again, found = forgotten(node)
    assert again.adopt(found) == Adopted(150, 0)
    assert (again.n_rows, again.recover().unindexed) == (150, ())
    again.close()


def test_a_long_file_is_adopted_without_holding_it(node: Node) -> None:
    ds = ct_slice(5, size=3000)
    node.store(request_for(ds))
    before = node.reader.instances_after(0)[0]
    again, found = forgotten(node)
    tracemalloc.start()
    try:
        assert again.adopt(found) == Adopted(1, 0)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000 < before.size
    finally:
        tracemalloc.stop()
    (row,) = again.reader.instances_after(0)
    assert (row.size, row.sha256) == (before.size, before.sha256)
    again.close()


def test_adoption_goes_on_once_the_inbox_can_be_written(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.store(request_for(ct_slice(5)))
    again, found = forgotten(node)
    real, failures = again.inbox.add_all, [sqlite3.OperationalError("disk I/O error")]

    def once(instances: Sequence[Received]) -> None:
        if failures:
            raise failures.pop()
        real(instances)

    monkeypatch.setattr(again.inbox, "add_all", once)
    monkeypatch.setattr("ctsma_node.receive.adopt._REST_S", 0.0)
    assert again.adopt(found) == Adopted(1, 0)
    again.close()


@pytest.mark.parametrize("content", [b"", b"no Part 10 file", b"\0" * 128 + b"DICM" + b"\xff" * 60])
def test_recovery_leaves_what_it_cannot_read_and_says_so(node: Node, content: bytes) -> None:
    placed(node.spool, "00aa.dcm", content)
    assert node.adopt(node.recover()) == Adopted(0, 1)
    assert len(node.files) == 1


def test_recovery_does_not_adopt_a_file_under_a_wrong_name(node: Node) -> None:
    node.store(request_for(ct_slice()))
    placed(node.spool, "00aa.dcm", node.files[0].read_bytes())
    node.files[-1].unlink()
    found = node.recover()
    assert (found.missing, node.adopt(found)) == (1, Adopted(0, 1))


def test_recovery_marks_a_row_without_a_file_and_takes_it_back(node: Node) -> None:
    node.store(request_for(ct_slice()))
    (path,) = node.files
    kept = path.read_bytes()
    path.unlink()
    assert node.recover().missing == 1
    assert node.reader.instances_after(0)[0].missing_at == 9.0
    assert node.recover().missing == 0
    path.write_bytes(kept)
    assert node.adopt(node.recover()) == Adopted(1, 0)
    assert [row.missing_at for row in node.reader.instances_after(0)] == [None]


@pytest.mark.parametrize(
    "head", [b"", preamble_and_meta(None, None, uid.ExplicitVRLittleEndian, "PACS", "CTSMA")]
)
def test_recovery_gives_a_quarantined_file_its_row(node: Node, head: bytes) -> None:
    node.quarantine.write("ab" * 32, (head, b"dataset"))
    node.adopt(node.recover())
    node.adopt(node.recover())
    (entry,) = node.reader.quarantined()
    assert (entry.code, entry.calling_ae, entry.size) == (UNEXPLAINED, "PACS" if head else "", 7)


def test_a_quarantined_file_without_a_row_is_not_left(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    asked = request_for(ct_slice(), sop_instance_uid="1.2.3.4")
    with monkeypatch.context() as patch:
        patch.setattr(node.inbox, "add_quarantined", fail)
        assert node.store(asked) is refusal.OUT_OF_RESOURCES
    assert list(node.quarantine.files()) == []
    assert node.store(asked) is refusal.MISMATCH


def test_answers_fit_their_elements_and_the_standards_ranges() -> None:
    assert len({each.status for each in refusal.ALL}) == len(refusal.ALL)
    for each in refusal.ALL:
        assert len(each.comment) <= 64  # LO, PS3.5 table 6.2-1
        assert each.status >> 8 in (0xA7, 0xA9) or each.status >> 12 == 0xC  # PS3.4 table B.2-1
