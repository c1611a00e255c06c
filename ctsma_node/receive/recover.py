"""What a receiver does before it listens: the files are the truth, the inbox is brought in line with them.

Only names are compared here, so that a spool of a hundred thousand files takes a second. What files without
rows hold is read once it listens (`adopt`), or when the same instance comes again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ctsma_node import log
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.spool import Spool


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found at start."""

    parts_removed: int  # never acknowledged
    missing: int  # rows without a file: acknowledged and gone, an alarm
    associations_closed: int  # open when the receiver died
    unindexed: tuple[str, ...]  # files without a row: durable, to be adopted
    unexplained: tuple[str, ...]  # the same in quarantine


def recover(
    inbox: Inbox, spool: Spool, quarantine: Spool, clock: Callable[[], float] = time.time
) -> Recovery:
    """Remove part files, mark rows without files, close associations; find the files without rows.

    What a purge had marked and not yet removed goes: such a file is not one without a row.
    """
    now = clock()
    parts = spool.remove_parts() + quarantine.remove_parts()
    closed = inbox.close_all_associations(now)
    files, present = set(spool.files()), inbox.present_paths()
    gone = present - files
    if gone:
        inbox.mark_missing(gone, now)
    result = Recovery(
        parts,
        len(gone),
        closed,
        _unpurged(spool, files - present, inbox.purged_among),
        _unpurged(
            quarantine, set(quarantine.files()) - inbox.quarantine_paths(), inbox.purged_quarantine_among
        ),
    )
    level = log.logger.error if result.missing else log.logger.info
    level(
        "receive.recovered",
        parts_removed=result.parts_removed,
        missing=result.missing,
        associations_closed=result.associations_closed,
        unindexed=len(result.unindexed) + len(result.unexplained),
    )
    return result


def _unpurged(
    folder: Spool, paths: set[str], purged_among: Callable[[set[str]], set[str]]
) -> tuple[str, ...]:
    """Remove the files that are marked; the others are left over."""
    purged = purged_among(paths)
    for path in purged:
        folder.remove(path)
    return tuple(sorted(paths - purged))
