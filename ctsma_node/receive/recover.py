"""What a receiver does before it listens: the files are the truth, the inbox is brought in line with them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from ctsma_node import log
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.receive.header import read_header
from ctsma_node.receive.part10 import read_head
from ctsma_node.receive.refusal import Unfit
from ctsma_node.records import Received
from ctsma_node.spool import Spool


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
    """Remove part files, adopt files without rows, mark rows without files, close associations."""
    now = clock()
    parts = spool.remove_parts() + quarantine.remove_parts()
    closed = inbox.close_all_associations(now)
    files, present = set(spool.files()), inbox.present_paths()
    gone = present - files
    inbox.mark_missing(gone, now)
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


def _adopt(inbox: Inbox, spool: Spool, path: str, now: float) -> bool:
    """Add the row of a file; says whether it could be read and is what its name says."""
    try:
        head = read_head(spool.path(path))
        dataset = memoryview(spool.path(path).read_bytes())[head.dataset_offset :]
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
            size=len(dataset),
            sha256=hashlib.sha256(dataset).hexdigest(),
            geometry=header.geometry,
        )
    )
    log.logger.warning("instance.adopted", series=header.series_uid, instance=header.sop_instance_uid)
    return True
