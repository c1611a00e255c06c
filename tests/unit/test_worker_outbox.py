"""A set is on disk whole and durable, or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from ctsma_node.analysis.result import Side
from ctsma_node.report import ReportObject, write_object
from ctsma_node.worker import outbox
from ctsma_node.worker.outbox import Outbox


def made(number: int, kind: str = "picture") -> ReportObject:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = SecondaryCaptureImageStorage, f"2.25.{number}"
    ds.SeriesInstanceUID, ds.SeriesNumber, ds.InstanceNumber = "2.25.1000", 931, number
    return ReportObject(kind, Side.LEFT, SecondaryCaptureImageStorage, f"2.25.{number}", "2.25.1000", ds)


@pytest.fixture
def box(tmp_path: Path) -> Outbox:
    prepared = Outbox(tmp_path / "outbox")
    prepared.prepare()
    return prepared


def names(box: Outbox) -> list[str]:
    return sorted(path.relative_to(box.folder).as_posix() for path in box.folder.rglob("*") if path.is_file())


def test_rows_name_the_files_and_their_bytes(box: Outbox) -> None:
    rows = box.put("7", [made(1), made(2, "parametric_map")])
    assert [row.path for row in rows] == ["7/L-931-picture-001.dcm", "7/L-931-parametric_map-002.dcm"]
    assert sorted(row.path for row in rows) == names(box)
    assert [row.kind for row in rows] == ["picture", "parametric_map"]
    assert [row.size for row in rows] == [box.path(row.path).stat().st_size for row in rows]


def test_the_same_set_has_the_same_bytes(box: Outbox) -> None:
    first = box.put("7", [made(1)])
    assert box.put("7", [made(1)]) == first
    assert len(names(box)) == 1


def test_files_and_names_are_on_the_disk_before_the_rows_are_given(
    box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, rename, write = os.fsync, Path.rename, write_object

    def traced_fsync(descriptor: int) -> None:
        done.append("fsync " + Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def traced_rename(self: Path, target: Path) -> Path:
        done.append(f"rename {self.name} {target.name}")
        return rename(self, target)

    def traced_write(obj: ReportObject, path: Path) -> None:
        done.append(f"write {path.name}")
        write(obj, path)

    monkeypatch.setattr(os, "fsync", traced_fsync)
    monkeypatch.setattr(Path, "rename", traced_rename)
    monkeypatch.setattr(outbox, "write_object", traced_write)
    box.put("7", [made(1), made(2)])
    assert done == [
        "write L-931-picture-001.dcm",
        "write L-931-picture-002.dcm",
        "fsync L-931-picture-001.dcm",
        "fsync L-931-picture-002.dcm",
        "fsync 7.part",
        "rename 7.part 7",
        "fsync outbox",
    ]


def test_a_full_disk_leaves_nothing_behind(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def full(obj: ReportObject, path: Path) -> None:
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_bytes(b"x")
        written.append(path)

    monkeypatch.setattr(outbox, "write_object", full)
    with pytest.raises(OSError, match="No space"):
        box.put("7", [made(1), made(2)])
    assert list(box.folder.iterdir()) == []


def test_what_a_dead_worker_was_writing_is_removed(box: Outbox) -> None:
    (box.folder / "7.part").mkdir()
    (box.folder / "7.part" / "half.dcm").write_bytes(b"x")
    box.put("6", [made(1)])
    box.prepare()
    assert names(box) == ["6/L-931-picture-001.dcm"]
