"""Whether the disk has room for what a step makes: a case waits for it, and loses no attempt by waiting."""

from __future__ import annotations

from pathlib import Path

from ctsma_node import log
from ctsma_node.spool import free_bytes


class Room:
    """Looks at the disk of the state folder, and says when that changes.

    The limit is lower than the one at which the receiver refuses, so that what came in can still become a
    result and be delivered.
    """

    def __init__(self, folder: Path, min_free_bytes: int) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._was_there = True

    def is_there(self) -> bool:
        """Say whether a step may begin."""
        free = free_bytes(self._folder)
        there = free >= self._min_free_bytes
        if there is not self._was_there:
            say = log.logger.info if there else log.logger.error
            say("disk.room_again" if there else "disk.low", free_bytes=free)
        self._was_there = there
        return there
