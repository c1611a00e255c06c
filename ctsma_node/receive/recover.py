"""What a receiver does before it listens: the files are the truth, the inbox is brought in line with them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from ctsma_node import log
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.receive.header import read_header
from ctsma_node.receive.part10 import Head, read_head
from ctsma_node.receive.refusal import Unfit
from ctsma_node.records import Quarantined, Received
from ctsma_node.spool import Spool

UNEXPLAINED = "unexplained"
"""Quarantine code of a file that has no row."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found at start."""

    parts_removed: int  # never acknowledged
    adopted: int  # files without a row: durable, not yet acknowledged
    unreadable: int  # files without a row that cannot be read; left where they are
    missing: int  # rows without a file: acknowledged and gone, an alarm
    associations_closed: int  # open when the receiver died


def recover(
    inbox: Inbox, spool: Spool, quarantine: Spool, clock: Callable[[], float] = time.time
) -> Recovery:
    """Remove part files, adopt files without rows, mark rows without files, close associations.

    First what a purge had marked and not yet removed goes: such a file is not one without a row.
    """
    now = clock()
    _finish_purge(spool, inbox.purged_paths())
    _finish_purge(quarantine, inbox.purged_quarantine_paths())
    parts = spool.remove_parts() + quarantine.remove_parts()
    closed = inbox.close_all_associations(now)
    files, present = set(spool.files()), inbox.present_paths()
    gone = present - files
    inbox.mark_missing(gone, now)
    for path in sorted(set(quarantine.files()) - inbox.quarantine_paths()):
        inbox.add_quarantined(_unexplained(quarantine.path(path), path, now))
    adopted = [_adopt(inbox, spool, path, now) for path in sorted(files - present)]
    result = Recovery(parts, adopted.count(True), adopted.count(False), len(gone), closed)
    level = log.logger.error if result.missing or result.unreadable else log.logger.info
    level(
        "receive.recovered",
        parts_removed=result.parts_removed,
        adopted=result.adopted,
        unreadable=result.unreadable,
        missing=result.missing,
        associations_closed=result.associations_closed,
    )
    return result


def _finish_purge(folder: Spool, purged: set[str]) -> None:
    for path in purged & set(folder.files()):
        folder.remove(path)


def _adopt(inbox: Inbox, spool: Spool, path: str, now: float) -> bool:
    """Add the row of a file; says whether it could be read and is what its name says."""
    try:
        head = read_head(spool.path(path))
        dataset = _dataset(spool.path(path), head.dataset_offset)
        header = read_header(dataset, head.transfer_syntax)
    except (ValueError, Unfit, OSError) as error:
        log.logger.error("instance.not_adopted", path=path, error=type(error).__name__)
        return False
    digest = hashlib.sha256(header.sop_instance_uid.encode("ascii")).hexdigest()
    if path != spool.relative(digest):
        log.logger.error("instance.not_adopted", path=path, error="name")
        return False
    inbox.add(
        Received(
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
            size=dataset.getbuffer().nbytes,
            sha256=hashlib.sha256(dataset.getbuffer()).hexdigest(),
            geometry=header.geometry,
        )
    )
    log.logger.warning("instance.adopted", series=header.series_uid, instance=header.sop_instance_uid)
    return True


def _unexplained(file: Path, path: str, now: float) -> Quarantined:
    """Return the row of a file whose receiver died between writing it and saying why."""
    try:
        head = read_head(file)
    except ValueError:
        head = Head("", "", 0)
    dataset = _dataset(file, head.dataset_offset).getbuffer()
    return Quarantined(
        received_at=now,
        code=UNEXPLAINED,
        association_id=None,
        calling_ae=head.sending_ae,
        address="",
        sop_instance_uid=None,
        transfer_syntax=head.transfer_syntax or None,
        path=path,
        size=dataset.nbytes,
        sha256=hashlib.sha256(dataset).hexdigest(),
    )


def _dataset(path: Path, offset: int) -> BytesIO:
    with path.open("rb") as file:
        file.seek(offset)
        return BytesIO(file.read())
