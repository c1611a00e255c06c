"""Which system calls can be made to fail, and how."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.fixtures.strace import Call

_ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EMFILE", "EINTR")
_WRITING = ("openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "mkdir", "ftruncate", "unlink")
"""Calls that fail lastingly on a disk that is full or broken. The others are failed once only, and so are all
with EINTR, which nothing but a signal brings."""

CALLS = (*_WRITING, "close", "statfs", "newfstatat", "pread64", "mmap")
"""Calls that are looked for."""

OF_A_STORE = {
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
"""What a call is for, by a pattern in its arguments; the first one counts."""

OF_A_CASE = {
    r"/outbox/[^\"]*\.dcm": "object",
    r"/outbox/[^\"]*[>\"]": "folder of a set",
    r"/outbox[>\"]": "outbox",
    r"ledger\.sqlite3-wal": "log of the ledger",
    r"ledger\.sqlite3-shm": "shared memory of the ledger",
    r"ledger\.(sqlite3|lock)": "ledger",
    r"\.dcm": "instance",
    r"inbox\.sqlite3": "inbox",
    r"/audit/": "audit trail",
    r"node\.log": "log",
    r"/state[/>\"]": "state folder",
}
"""The same of a worker's calls."""


@dataclass(frozen=True)
class Harm:
    """The `nth` call of a name in one thread fails, and where it lasts those behind it."""

    kind: str  # of what is done
    call: str
    nth: int
    what: str
    error: str
    lasting: bool

    @property
    def option(self) -> str:
        """For strace."""
        return f"inject={self.call}:error={self.error}:when={self.nth}{'+' if self.lasting else ''}"


def harms_of(
    kind: str, calls: Sequence[Call], thread: int, purposes: Mapping[str, str], most: int
) -> list[Harm]:
    """Every way in which the calls of a thread can fail, given all that were seen.

    Of those of one name and purpose `most` fail, the first and the last: a long instance comes by hundreds of
    writes.
    """
    counted: Counter[str] = Counter()
    points: dict[tuple[str, str], list[int]] = defaultdict(list)
    for call in calls:
        if call.thread == thread:
            counted[call.name] += 1
            if (what := purpose_of(call, purposes)) is not None:
                points[call.name, what].append(counted[call.name])
    return [
        Harm(kind, name, nth, what, error, lasting)
        for (name, what), numbers in points.items()
        for nth in (*numbers[: most // 2], *numbers[most // 2 :][-most // 2 :])
        for error in _ERRORS
        for lasting in ((False, True) if name in _WRITING and error != "EINTR" else (False,))
    ]


def purpose_of(call: Call, purposes: Mapping[str, str]) -> str | None:
    """What a call is for, by the paths in it; None where it is no matter of ours."""
    return next((what for pattern, what in purposes.items() if re.search(pattern, call.text)), None)
