"""The objects of a case on disk: all of them under one name, durable, or none."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ctsma_node.quota import NoRoom, Quota
from ctsma_node.records import ResultObject
from ctsma_node.report import ReportObject, write_object
from ctsma_node.spool import make_private, sync_folder

Check = Callable[[Sequence[Path]], None]
"""Looks at the written files of a set, in the order of sending, and raises where they may not be sent."""


class Outbox:
    """One folder for each set or note that was made; a folder that is there is complete."""

    def __init__(self, folder: Path, quota: Quota | None = None) -> None:
        self.folder = folder
        self._quota = quota

    def prepare(self) -> None:
        """Make the folder and remove what a worker that died was writing."""
        make_private(self.folder)
        sync_folder(self.folder.parent)
        for part in self.folder.glob("*.part"):
            shutil.rmtree(part)

    def put(
        self, name: str, objects: Sequence[ReportObject], check: Check | None = None
    ) -> tuple[ResultObject, ...]:
        """Write objects durably; their rows come back in the order given, with relative paths.

        A folder of the same name is replaced: it was written by an attempt that died before its rows were.
        Raises OSError (disk full), NoRoom (over the quota) or what `check` raises; leaves nothing behind.
        """
        part, target = self.folder / f"{name}.part", self.folder / name
        for leftover in (part, target):
            if leftover.exists():
                shutil.rmtree(leftover)
        try:
            part.mkdir(mode=0o700, parents=True)
            for obj in objects:
                write_object(obj, part / obj.file_name)
            if check is not None:
                check([part / obj.file_name for obj in objects])
            # Only now: the first sync brings the names and sizes of all of them to the disk, once.
            rows = tuple(_synced(obj, part, target.name) for obj in objects)
            self._check_quota(sum(row.size for row in rows))
            sync_folder(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        part.rename(target)
        sync_folder(self.folder)
        return rows

    def _check_quota(self, size: int) -> None:
        """Raise NoRoom where a set that lies in its part folder by now is too much."""
        if self._quota is not None:
            self._quota.expect(size)
            self._quota.count_again()
            if not self._quota.fits(0):
                self._quota.count_again()  # without the part folder, next time
                raise NoRoom(size, self._quota.limit)

    def path(self, relative: str) -> Path:
        """Where an object lies."""
        return self.folder / relative

    def files(self) -> Iterator[str]:
        """Relative path of every object that is here."""
        for path in self.folder.glob("*/*.dcm"):
            yield path.relative_to(self.folder).as_posix()

    def remove(self, relative: str) -> None:
        """Remove an object, and its folder with the last one; none is fine too."""
        self.path(relative).unlink(missing_ok=True)
        with suppress(OSError):  # others are in it
            self.path(relative).parent.rmdir()


def _synced(obj: ReportObject, folder: Path, name: str) -> ResultObject:
    """The row of an object whose file is written; `name` is the folder's in the end."""
    path = folder / obj.file_name
    size, sha256 = _sync_and_digest(path)
    return ResultObject(
        sop_instance_uid=obj.sop_instance_uid,
        sop_class_uid=obj.sop_class_uid,
        series_uid=obj.series_uid,
        kind=obj.kind,
        side=None if obj.side is None else obj.side.value,
        path=f"{name}/{path.name}",
        size=size,
        sha256=sha256,
        transfer_syntax=str(obj.dataset.file_meta.TransferSyntaxUID),
    )


def _sync_and_digest(path: Path) -> tuple[int, str]:
    """Size and sha256 of a file, which is on the disk once this returns."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return file.tell(), digest
