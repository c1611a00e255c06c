"""Which destinations an operator has paused: one empty file each, named after the destination.

The worker alone writes its ledger, and follows this folder. A file that is there or not cannot be half
written, the same wish twice is one wish, and the worker need not be able to read a file that root made.
"""

from __future__ import annotations

from pathlib import Path

from ctsma_node.errors import NodeError
from ctsma_node.spool import make_private, sync_folder


class PauseFolder:
    """The wishes, which hold until they are taken back, over every restart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        """Make the folder; the worker does, so that it is the worker's own."""
        make_private(self._folder)

    def pause(self, destination: str) -> None:
        """Ask for a pause, durably. Raises NodeError where no worker has ever run."""
        try:
            (self._folder / destination).touch(mode=0o600)
            sync_folder(self._folder)
        except FileNotFoundError:
            raise NodeError("No worker has run here yet, so there is nothing to pause.") from None

    def resume(self, destination: str) -> None:
        """Take the wish back; none is fine too."""
        (self._folder / destination).unlink(missing_ok=True)
        if self._folder.exists():
            sync_folder(self._folder)

    def names(self) -> frozenset[str]:
        """The destinations that shall be paused."""
        return frozenset(path.name for path in self._folder.glob("*"))
