"""What a person asks of a case: put into a folder by the page or the command line, carried out by the worker.

The worker alone moves cases and writes its ledger. Whoever asks therefore leaves a file, and its name says
everything: it cannot be half written, the same command twice is one, and the worker need not be able to read
a file that root made. Who may write the node's state folder may ask.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ctsma_node.errors import NodeError
from ctsma_node.spool import make_private, sync_folder

_NAME = re.compile(
    r"([1-9]\d{0,17})\.([1-9]\d{0,17})\.(?:(requeue|cancel|resend)|(resend)\.([A-Za-z0-9][A-Za-z0-9_.-]{0,63}))"
)


class Action(StrEnum):
    """What can be asked for."""

    REQUEUE = "requeue"  # try again: from where it ended, or now instead of later
    CANCEL = "cancel"  # work on it no more
    RESEND = "resend"  # send again what has arrived


@dataclass(frozen=True, slots=True, order=True)
class Command:
    """One thing asked of one case.

    A requeue or resend is void once the case's history has gone on behind `seen_event`, the last that the
    asker knew.
    """

    case_id: int
    seen_event: int
    action: Action
    destination: str = ""  # of a resend; "": every one


class CommandFolder:
    """The commands that wait."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        """Make the folder; the worker does, so that it is the worker's own."""
        make_private(self._folder)

    def post(self, command: Command) -> None:
        """Leave one, durably. Raises NodeError where no worker has ever looked for one."""
        try:
            self._path(command).touch(mode=0o600)
            sync_folder(self._folder)
        except FileNotFoundError:
            raise NodeError("No worker has run here yet, so there is nothing to ask.") from None

    def waiting(self) -> list[Command]:
        """The commands that were not carried out yet, by case, older ones first."""
        found = filter(None, (_NAME.fullmatch(path.name) for path in self._folder.glob("*.*.*")))
        return sorted(
            Command(int(each[1]), int(each[2]), Action(each[3] or each[4]), each[5] or "") for each in found
        )

    def remove(self, command: Command) -> None:
        """Take a command away; none is fine too."""
        self._path(command).unlink(missing_ok=True)

    def _path(self, command: Command) -> Path:
        to = command.destination and f".{command.destination}"
        return self._folder / f"{command.case_id}.{command.seen_event}.{command.action}{to}"
