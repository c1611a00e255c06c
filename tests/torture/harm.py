"""Which system calls of a store can be made to fail, and how."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tests.fixtures.strace import Call

_ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EMFILE", "EINTR")
_WRITING = ("openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "mkdir", "ftruncate", "unlink")
"""Calls that fail lastingly on a disk that is full or broken. The others are failed once only, and so are all
with EINTR, which nothing but a signal brings."""

CALLS = (*_WRITING, "close", "statfs", "newfstatat", "pread64", "mmap")
"""Calls that are looked for."""

_MOST = 24
"""Of the calls of one name and purpose: a long instance comes by hundreds of writes."""

_PURPOSES = {
    r"\.dcm": "file",
    r"/(spool|quarantine)/..[>\"]": "folder of files",
    r"/(spool|quarantine)[>\"]": "spool or quarantine",
    r"-wal": "log of the index",
    r"-shm": "shared memory of the index",
    r"inbox\.sqlite3": "index",
    r"/audit/": "audit trail",
    r"node\.log": "log",
    r"/state[/>\"]": "arriving dataset",
}


@dataclass(frozen=True)
class Harm:
    """The `nth` call of a name in the association's thread fails, and where it lasts those behind it."""

    kind: str  # of store
    call: str
    nth: int
    what: str
    error: str
    lasting: bool

    @property
    def option(self) -> str:
        """For strace."""
        return f"inject={self.call}:error={self.error}:when={self.nth}{'+' if self.lasting else ''}"


def harms_of(kind: str, calls: Sequence[Call]) -> list[Harm]:
    """Every way in which the calls of the thread that stores can fail, given all that were seen."""
    (thread,) = {call.thread for call in calls if call.is_of("openat", ".dcm")}
    counted: Counter[str] = Counter()
    points: dict[tuple[str, str], list[int]] = defaultdict(list)
    for call in calls:
        if call.thread == thread:
            counted[call.name] += 1
            if (what := purpose_of(call)) is not None:
                points[call.name, what].append(counted[call.name])
    return [
        Harm(kind, name, nth, what, error, lasting)
        for (name, what), numbers in points.items()
        for nth in (*numbers[: _MOST // 2], *numbers[_MOST // 2 :][-_MOST // 2 :])
        for error in _ERRORS
        for lasting in ((False, True) if name in _WRITING and error != "EINTR" else (False,))
    ]


def purpose_of(call: Call) -> str | None:
    """What a call is for, by the paths in it; None where it is no matter of the store."""
    return next((what for pattern, what in _PURPOSES.items() if re.search(pattern, call.text)), None)
