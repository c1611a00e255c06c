"""Audit messages in files of one process, oldest first, within a bound on the disk."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from ctsma_node import log

_COMPLAIN_S = 60.0


class Trail:
    """Appends lines to numbered files; when there are too many, the oldest goes. Any thread may append.

    A line is written at once and not made durable: an audit trail must not slow down the node that it is of.
    """

    def __init__(
        self, folder: Path, file_bytes: int, files: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder = folder
        self._file_bytes = file_bytes
        self._files = files
        self._clock = clock
        self._lock = Lock()
        self._descriptor: int | None = None
        self._size = 0
        self._complained_at = -_COMPLAIN_S

    def append(self, line: bytes) -> None:
        """Add a line. Raises nothing: what cannot be written is told in the log, and the node goes on."""
        with self._lock:
            try:
                self._write(line + b"\n")
            except OSError as error:
                self._close()
                self._complain(error)

    def numbers(self) -> list[int]:
        """The numbers of the files there are, oldest first."""
        return sorted(int(path.stem) for path in self.folder.glob("[0-9]*.log"))

    def path(self, number: int) -> Path:
        """Where a file lies."""
        return self.folder / f"{number:08d}.log"

    def close(self) -> None:
        """Close the file at hand."""
        with self._lock:
            self._close()

    def _write(self, line: bytes) -> None:
        if self._descriptor is None or self._size + len(line) > self._file_bytes:
            self._next(len(line))
        assert self._descriptor is not None
        while line:
            written = os.write(self._descriptor, line)
            self._size += written
            line = line[written:]

    def _next(self, wanted: int) -> None:
        """Open the newest file, or one after it where that has no room."""
        self._close()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        numbers = self.numbers()
        number = numbers[-1] if numbers else 1
        if numbers and self.path(number).stat().st_size + wanted > self._file_bytes:
            number += 1
        for old in numbers[: max(len(numbers) + (number not in numbers) - self._files, 0)]:
            self.path(old).unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self.path(number), flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size

    def _close(self) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def _complain(self, error: OSError) -> None:
        if self._clock() - self._complained_at >= _COMPLAIN_S:
            self._complained_at = self._clock()
            log.logger.error("audit.not_written", error=type(error).__name__, path=str(self.folder))
