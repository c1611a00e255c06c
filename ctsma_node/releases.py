"""Which series a person lets go of: put into a folder by the command line, carried out by the receiver.

An archive corrects a study under the UIDs that it has, and of two instances with one UID the first is kept.
Of a series that ended without results the first are of no use: once they are let go of, corrected ones are
taken in.
"""

from __future__ import annotations

import re
from pathlib import Path

from ctsma_node.errors import NodeError
from ctsma_node.spool import make_private, sync_folder

_NAME = re.compile(r"[1-9]\d{0,17}")


class ReleaseFolder:
    """Cases whose series wait to be let go of: a file each, its name the number of the case."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        """Make the folder; the receiver does, so that it is the receiver's own."""
        make_private(self._folder)

    def post(self, case_id: int) -> None:
        """Ask, durably. Raises NodeError where no receiver has ever looked."""
        try:
            (self._folder / str(case_id)).touch(mode=0o600)
            sync_folder(self._folder)
        except FileNotFoundError:
            raise NodeError("No receiver has run here yet, so there is nothing to let go of.") from None

    def waiting(self) -> list[int]:
        """What was not carried out yet."""
        return sorted(int(path.name) for path in self._folder.glob("*") if _NAME.fullmatch(path.name))

    def remove(self, case_id: int) -> None:
        """Take a wish away; none is fine too."""
        (self._folder / str(case_id)).unlink(missing_ok=True)
