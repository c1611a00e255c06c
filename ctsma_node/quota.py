"""The room that results have on the disk: an inbox cannot eat it, and results take no more than it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from os import DirEntry, scandir
from pathlib import Path
from threading import Lock

from ctsma_node.errors import Deferred

FULL = "outbox_full"
"""The code of the trouble that an outbox without room is."""
_FRESH_S = 5.0
"""How long a count of the outbox holds: counting some thousand files takes a few milliseconds."""


class NoRoom(Deferred):
    """The results of a series do not fit into the outbox now; when they do, the worker sees for itself."""

    def __init__(self, needed: int, quota: int) -> None:
        super().__init__(
            0.0,
            "no_room",
            f"The results take {needed} bytes, which is more than is left of the {quota} that the outbox may "
            "hold ([limits] outbox_quota_bytes).",
        )


class Quota:
    """Counts an outbox against its quota, in bytes; a quota of 0 is none. Safe to use from any thread."""

    def __init__(self, folder: Path, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self.limit = limit
        self.largest_set = 0  # bytes; the next one may be as large
        self._clock = clock
        self._lock = Lock()
        self._counted: tuple[float, int] | None = None

    def used(self) -> int:
        """Bytes in the outbox, as counted within the last few seconds."""
        with self._lock:
            now = self._clock()
            if self._counted is None or now - self._counted[0] > _FRESH_S:
                self._counted = (now, sum(_sizes(self._folder)))
            return self._counted[1]

    def count_again(self) -> None:
        """Count at the next question: files were added or removed."""
        with self._lock:
            self._counted = None

    def expect(self, size: int) -> None:
        """Remember the size of a set."""
        self.largest_set = max(self.largest_set, size)

    def fits(self, size: int) -> bool:
        """Whether so many bytes more are within the quota."""
        return not self.limit or self.used() + size <= self.limit

    def reserved(self) -> int:
        """Bytes that are kept for results and that none has taken yet: the receiver leaves them free."""
        return max(0, self.limit - self.used()) if self.limit else 0

    def least_free(self, min_free_bytes: int) -> int:
        """Free bytes below which the receiver answers A700: those it always leaves, and room for results."""
        return min_free_bytes + self.reserved()


def _sizes(folder: Path | str) -> Iterator[int]:
    """Bytes of every file below a folder that changes meanwhile; what is gone when its turn comes is none."""
    try:
        with scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _sizes(entry.path)
                else:
                    yield _size(entry)
    except FileNotFoundError:
        return


def _size(file: DirEntry[str]) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # a set got its name, or was removed, since the folder was read
        return 0
