"""Durable files: what was written is either there whole, under its name, after a power cut, or not at all.

The order is part file (O_EXCL) -> fsync -> rename -> fsync of the folder (rename(2), fsync(2): a rename is
durable once the folder is). Whoever writes adds the ledger row after that, and acknowledges last.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

PART = ".part"


def make_private(folder: Path) -> None:
    """Make a folder, and those above it, that only the node's own user can enter; what is made is durable."""
    if folder.is_dir():
        return
    make_private(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def write_durably(target: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """Write a file so that it survives a power cut; its folder must exist.

    Raises FileExistsError when somebody is writing it at the moment, and OSError (disk full, I/O error);
    then nothing is left behind.
    """
    part = target.with_name(target.name + PART)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            for chunk in chunks:
                _write_all(descriptor, memoryview(chunk))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(part, target)  # noqa: PTH104 (one call, named as in the order above)
    except BaseException:
        _discard(part)
        raise
    try:
        sync_folder(target.parent)
    except BaseException:
        _discard(target)
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def free_bytes(folder: Path) -> int:
    """Bytes that the node's user can still write there."""
    return shutil.disk_usage(folder).free


class Spool:
    """A folder of durable files whose names are hashes, in up to 256 folders by their first two digits.

    Paths are given and taken relative to the folder, as the ledger stores them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._durable: set[str] = set()
        self._lock = Lock()

    def prepare(self) -> None:
        """Make the folder and, durably, all that are in it: no file then waits for its folder."""
        make_private(self.folder)
        sync_folder(self.folder.parent)
        names = {f"{number:02x}" for number in range(256)}
        for name in names:
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        sync_folder(self.folder)
        self._durable |= names

    def path(self, relative: str) -> Path:
        """Return where a file of the spool lies."""
        return self.folder / relative

    @staticmethod
    def relative(digest: str) -> str:
        """Return the relative path for a hexadecimal digest."""
        return f"{digest[:2]}/{digest}.dcm"

    def write(self, digest: str, chunks: Iterable[bytes | memoryview]) -> str:
        """Write a file durably and return its relative path; OSError leaves nothing behind."""
        relative = self.relative(digest)
        self._make_durable(digest[:2])
        write_durably(self.path(relative), chunks)
        return relative

    def _make_durable(self, name: str) -> None:
        """Make a folder; nobody writes into it before its own name is durable."""
        with self._lock:
            if name not in self._durable:
                (self.folder / name).mkdir(mode=0o700, exist_ok=True)
                sync_folder(self.folder)  # also one that is there: who made it may have died before this
                self._durable.add(name)

    def remove(self, relative: str) -> None:
        """Remove a file; none is fine too."""
        self.path(relative).unlink(missing_ok=True)

    def files(self) -> Iterator[str]:
        """Yield the relative path of every whole file, in order."""
        return (path for path in self._names() if path.endswith(".dcm"))

    def sync_names(self, relative: Iterable[str]) -> None:
        """Make the names of files durable: who wrote them may have died before that."""
        for name in sorted({path[:2] for path in relative}):
            sync_folder(self.folder / name)

    def remove_parts(self) -> int:
        """Remove what a process that died was writing; returns how many."""
        parts = [path for path in self._names() if path.endswith(PART)]
        for part in parts:
            self.remove(part)
        return len(parts)

    def _names(self) -> Iterator[str]:
        """Names alone: a path object for each of a hundred thousand files would take a second of its own."""
        for folder in sorted(self.folder.glob("??")):
            with suppress(NotADirectoryError):
                yield from (f"{folder.name}/{name}" for name in sorted(os.listdir(folder)))  # noqa: PTH208


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _discard(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
