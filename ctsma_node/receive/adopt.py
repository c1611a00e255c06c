"""Files without rows get theirs: what the receiver had stored when it died, or what its inbox forgot.

It listens meanwhile. A file is read and its row added under the lock that a C-STORE of the same instance
takes, and such a C-STORE adopts the file first: which bytes came first is never in doubt.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePath
from threading import Event, Lock

from ctsma_node import log
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.receive.arriving import ArrivingDataset, sha256_of
from ctsma_node.receive.header import read_header
from ctsma_node.receive.part10 import Head, read_head
from ctsma_node.receive.recover import Recovery
from ctsma_node.receive.refusal import Unfit
from ctsma_node.records import Quarantined, Received
from ctsma_node.spool import Spool

UNEXPLAINED = "unexplained"
"""Quarantine code of a file that has no row."""

_AT_ONCE = 16  # files of one commit: a C-STORE that needs their lock waits for them
_REST_S = 10.0


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of files without rows."""

    adopted: int
    unreadable: int  # left where they are


class Adoption:
    """Goes through what the recovery found, in a thread of its own."""

    def __init__(
        self,
        inbox: Inbox,
        spool: Spool,
        quarantine: Spool,
        lock_of: Callable[[str], Lock],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`lock_of` gives the lock that whoever writes or removes the file of a hash holds."""
        self._inbox = inbox
        self._spool = spool
        self._quarantine = quarantine
        self._lock_of = lock_of
        self._clock = clock
        self._ended = Event()

    def run(self, found: Recovery) -> Adopted:
        """Adopt everything; returns early after `end`, and what is left is found again at the next start."""
        adopted = unreadable = 0
        for lock, paths in self._batches(found.unindexed):
            done = self._persist(lock, self._adopt, paths)
            adopted, unreadable = adopted + done.adopted, unreadable + done.unreadable
        for lock, paths in self._batches(found.unexplained):
            self._persist(lock, self._explain, paths)
        if adopted or unreadable:
            level = log.logger.error if unreadable else log.logger.info
            level("receive.adopted", adopted=adopted, unreadable=unreadable)
        return Adopted(adopted, unreadable)

    def end(self) -> None:
        """Stop after the files at hand."""
        self._ended.set()

    def _batches(self, paths: Sequence[str]) -> Iterator[tuple[Lock, list[str]]]:
        """Files of one lock, a few at a time: a commit for each would take minutes."""
        by_lock: defaultdict[Lock, list[str]] = defaultdict(list)
        for path in paths:
            by_lock[self._lock_of(PurePath(path).stem)].append(path)
        for lock, own in by_lock.items():
            for start in range(0, len(own), _AT_ONCE):
                yield lock, own[start : start + _AT_ONCE]

    def _persist(self, lock: Lock, do: Callable[[list[str]], Adopted], paths: list[str]) -> Adopted:
        """Do it until the inbox can be written."""
        while not self._ended.is_set():
            try:
                with lock:
                    return do(paths)
            except (OSError, sqlite3.Error) as error:
                log.logger.error("receive.adoption_failed", error=type(error).__name__)
                self._ended.wait(_REST_S)
        return Adopted(0, 0)

    def _adopt(self, paths: list[str]) -> Adopted:
        return adopt(self._inbox, self._spool, paths, self._clock())

    def _explain(self, paths: list[str]) -> Adopted:
        unknown = sorted(set(paths) - self._inbox.quarantine_paths())
        self._quarantine.sync_names(unknown)
        for path in unknown:
            self._inbox.add_quarantined(_unexplained(self._quarantine.path(path), path, self._clock()))
        return Adopted(0, 0)


def adopt(inbox: Inbox, spool: Spool, paths: Sequence[str], now: float) -> Adopted:
    """Add the rows of files that have none; the caller holds their lock.

    Raises OSError and sqlite3.Error where they cannot be made durable; then none of them has a row.
    """
    without = [path for path in paths if not inbox.has_path(path)]
    rows = [row for path in without if (row := _row_of(spool, path, now)) is not None]
    spool.sync_names(row.path for row in rows)  # who was killed between rename and fsync left one that is not
    inbox.add_all(rows)
    for row in rows:
        log.logger.warning("instance.adopted", series=row.series_uid, instance=row.sop_instance_uid)
    return Adopted(len(rows), len(without) - len(rows))


def _row_of(spool: Spool, path: str, now: float) -> Received | None:
    """The row of a file; None where it cannot be read or is not what its name says."""
    try:
        head = read_head(spool.path(path))
        with closing(ArrivingDataset.stored(spool.path(path), head.dataset_offset)) as dataset:
            header = read_header(dataset, head.transfer_syntax)
            size, sha256 = dataset.size, sha256_of(dataset)
    except (ValueError, Unfit, OSError) as error:
        log.logger.error("instance.not_adopted", path=path, error=type(error).__name__)
        return None
    digest = hashlib.sha256(header.sop_instance_uid.encode("ascii")).hexdigest()
    if path != spool.relative(digest):
        log.logger.error("instance.not_adopted", path=path, error="name")
        return None
    return Received(
        sop_instance_uid=header.sop_instance_uid,
        sop_class_uid=header.sop_class_uid,
        transfer_syntax=head.transfer_syntax,
        series_uid=header.series_uid,
        study_uid=header.study_uid,
        association_id=None,
        calling_ae=head.sending_ae,
        address="",
        received_at=now,
        path=path,
        size=size,
        sha256=sha256,
        geometry=header.geometry,
    )


def _unexplained(file: Path, path: str, now: float) -> Quarantined:
    """Return the row of a file whose receiver died between writing it and saying why."""
    try:
        head = read_head(file)
    except ValueError:
        head = Head("", "", 0)
    with closing(ArrivingDataset.stored(file, head.dataset_offset)) as dataset:
        size, sha256 = dataset.size, sha256_of(dataset)
    return Quarantined(
        received_at=now,
        code=UNEXPLAINED,
        association_id=None,
        calling_ae=head.sending_ae,
        address="",
        sop_instance_uid=None,
        transfer_syntax=head.transfer_syntax or None,
        path=path,
        size=size,
        sha256=sha256,
    )
