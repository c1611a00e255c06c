"""A dataset while it arrives: in memory while it is small, else in a file that has no name yet."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from io import SEEK_CUR, SEEK_END, BytesIO
from pathlib import Path
from typing import IO, Any

from ctsma_node.spool import free_bytes

_IN_MEMORY = 8 << 20
_LOOK_AFTER = 16 << 20
_CHUNK = 4 << 20
_LONGEST_READ = 1 << 20
"""A UID of two gigabytes is read up to here."""


class ArrivingDataset(BytesIO):
    """The BytesIO that pynetdicom gathers a dataset in; a long one takes no more memory than a short one.

    A dataset that is too long, or that the disk has no room for, is lost: the rest of it goes nowhere, and
    the request is answered when it has ended, as PS3.7 9.3.1 wants it.
    """

    def __init__(self, folder: Path, most: int, min_free_bytes: int) -> None:
        super().__init__()
        self.is_lost = False
        self.size = 0
        self._folder = folder
        self._most = most
        self._min_free_bytes = min_free_bytes
        self._file: IO[bytes] | None = None
        self._start = 0  # of the dataset in the file
        self._at = 0

    @classmethod
    def stored(cls, path: Path, offset: int) -> ArrivingDataset:
        """The dataset of a file that is there, from `offset` on. Raises OSError."""
        found = cls(path.parent, 0, 0)
        found._file = path.open("rb", buffering=0)
        found._start, found.size = offset, max(os.fstat(found._file.fileno()).st_size - offset, 0)
        return found

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        super().close()

    def write(self, data: Any) -> int:
        """Append; raises nothing."""
        length = len(data)
        if not self.is_lost:
            try:
                self._append(data, length)
            except OSError:
                self._lose()
        return length

    def read(self, size: int | None = -1) -> bytes:
        """Read from where `seek` went; of a file no more than any element of a header takes."""
        if self._file is None:
            return super().read(size)
        wanted = _LONGEST_READ if size is None or size < 0 else min(size, _LONGEST_READ)
        part = os.pread(self._file.fileno(), wanted, self._start + self._at)
        self._at += len(part)
        return part

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, which may lie behind the end."""
        if self._file is None:
            return super().seek(offset, whence)
        self._at = max({SEEK_CUR: self._at, SEEK_END: self.size}.get(whence, 0) + offset, 0)
        return self._at

    def tell(self) -> int:
        """Say where `seek` and `read` went."""
        return super().tell() if self._file is None else self._at

    def chunks(self) -> Iterator[bytes | memoryview]:
        """Everything in order, without ever holding all of it."""
        if self._file is None:
            yield super().getbuffer()
            return
        for start in range(0, self.size, _CHUNK):
            yield os.pread(self._file.fileno(), _CHUNK, self._start + start)

    def _append(self, data: Any, length: int) -> None:
        if self.size + length > self._most:
            raise OSError("longer than any instance may be")
        if self._file is None and self.size + length > _IN_MEMORY:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
            self._file.write(super().getbuffer())
            super().seek(0)
            super().truncate()
        if self._file is None:
            super().write(data)
        else:
            self._to_file(self._file, memoryview(data))
        self.size += length

    def _to_file(self, file: IO[bytes], data: memoryview) -> None:
        if self.size // _LOOK_AFTER != (self.size + len(data)) // _LOOK_AFTER:
            self._keep_room()
        while data:
            data = data[file.write(data) :]

    def _keep_room(self) -> None:
        if free_bytes(self._folder) < self._min_free_bytes:
            raise OSError("less than min_free_bytes would be left")

    def _lose(self) -> None:
        self.is_lost = True
        self.size = 0
        if self._file is not None:
            self._file.close()
            self._file = None
        super().seek(0)
        super().truncate()


def chunks_of(dataset: BytesIO) -> Iterator[bytes | memoryview]:
    """The bytes of a dataset in order, however it is held."""
    if isinstance(dataset, ArrivingDataset):
        yield from dataset.chunks()
    else:
        yield dataset.getbuffer()


def size_of(dataset: BytesIO) -> int:
    """Bytes of a dataset, however it is held."""
    return dataset.size if isinstance(dataset, ArrivingDataset) else dataset.getbuffer().nbytes


def sha256_of(dataset: BytesIO) -> str:
    """The digest of a dataset, hexadecimal, however it is held."""
    digest = hashlib.sha256()
    for chunk in chunks_of(dataset):
        digest.update(chunk)
    return digest.hexdigest()
