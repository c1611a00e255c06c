"""Takes a backup of a running node.

The worker's file is copied first, the receiver's next, the files that their rows name last. What a row of the
worker's copy says was taken over is then in the inbox's copy, and a file, which never changes once it has its
name, is there unless retention removed it meanwhile. The manifest comes last: a folder with one is whole.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from ctsma_node import __version__
from ctsma_node.backup.copy import BackupError, copy_file, copy_ledger, digest_of, sync_below
from ctsma_node.config import Settings
from ctsma_node.ledger.named import NamedFile, named_files
from ctsma_node.pauses import PauseFolder
from ctsma_node.spool import make_private, write_durably

__all__ = ["BackupError", "Manifest", "take"]

MANIFEST = "backup.json"
LEDGERS = ("ledger.sqlite3", "inbox.sqlite3")
FOLDERS = {"spool": "inbox.sqlite3", "quarantine": "inbox.sqlite3", "outbox": "ledger.sqlite3"}
"""Each folder of files, and the ledger that names them."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds."""

    version: str  # of the node
    taken_at: float  # seconds since the epoch, UTC
    ledgers: dict[str, str]  # sha256 by name
    files: dict[str, int]  # how many, by folder
    size: int  # bytes of all files
    removed_meanwhile: int  # files that retention took away between the copies
    paused: tuple[str, ...] = ()  # destinations that an operator had paused


def take(settings: Settings, target: Path, clock: Callable[[], float] = time.time) -> Manifest:
    """Back up into a new or empty folder. Raises BackupError, and OSError where the disk is full."""
    if target.exists() and any(target.iterdir()):
        raise BackupError(f"{target} is not empty: a backup goes into a folder of its own.")
    state, taken_at = settings.node.state_dir, clock()
    make_private(target)
    target.chmod(0o700)
    there = [name for name in LEDGERS if (state / name).exists()]
    if not there:
        raise BackupError(f"There is nothing to back up in {state}.")
    for name in there:
        copy_ledger(state / name, target / name)
    files, size, gone = dict.fromkeys(FOLDERS, 0), 0, 0
    for folder, ledger in FOLDERS.items():
        for named in named_files(target / ledger, folder):
            copied = _copy(state, target, folder, named)
            files[folder], size, gone = files[folder] + (copied > 0), size + copied, gone + (copied == 0)
    sync_below(target)
    paused = tuple(sorted(PauseFolder(settings.paused_dir).names()))
    ledgers = {name: digest_of(target / name) for name in there}
    manifest = Manifest(__version__, taken_at, ledgers, files, size, gone, paused)
    write_durably(target / MANIFEST, [json.dumps(asdict(manifest), indent=1).encode()])
    return manifest


def _copy(state: Path, target: Path, folder: str, named: NamedFile) -> int:
    """Bytes copied; 0 where retention removed the file since its row was copied. A file lost is an error."""
    try:
        return copy_file(state / folder / named.path, target / folder / named.path, named.size, named.sha256)
    except FileNotFoundError:
        still_named = {each.path for each in named_files(state / FOLDERS[folder], folder)}
        if named.path in still_named:
            raise BackupError(f"{folder}/{named.path} has a row and no file.") from None
        return 0
