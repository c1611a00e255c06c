"""Puts a backup in the place of a state folder that has no ledgers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ctsma_node.backup.copy import BackupError, check_ledger, copy_file, digest_of, sync_below
from ctsma_node.backup.taking import FOLDERS, LEDGERS, MANIFEST, Manifest
from ctsma_node.config import Settings
from ctsma_node.config.section import NAME
from ctsma_node.ledger.named import named_files
from ctsma_node.pauses import PauseFolder
from ctsma_node.spool import make_private, write_durably

_CHUNK = 1 << 20


def restore(source: Path, settings: Settings) -> Manifest:
    """Check a backup and copy it into the state folder; the ledgers come last, by one rename each.

    A restore that is broken off leaves no ledger, and can be done again. What the node made or received after
    the backup was taken is not known to it any more: files without rows are adopted at the receiver's start.
    Raises BackupError where the backup is not whole or the folder holds a node's state.
    """
    manifest = _read(source)
    state = settings.node.state_dir
    present = [name for name in LEDGERS if (state / name).exists()]
    if present:
        raise BackupError(f"{state} holds {' and '.join(present)}: move that away first.")
    for name, sha256 in manifest.ledgers.items():
        if not (source / name).exists() or digest_of(source / name) != sha256:
            raise BackupError(f"{name} of the backup is not the one its manifest names.")
        check_ledger(source / name)
    make_private(state)
    _copy_files(source, state, manifest)
    _pause(settings, manifest.paused)
    sync_below(state)
    for name in reversed(manifest.ledgers):  # the inbox before the worker's, whose cursor points into it
        (state / f"{name}.part").unlink(missing_ok=True)  # of a restore that was broken off
        with (source / name).open("rb") as read:
            write_durably(state / name, iter(partial(read.read, _CHUNK), b""))
    return manifest


def _pause(settings: Settings, destinations: Sequence[str]) -> None:
    """What was held back stays so: the worker would take a pause without its wish for one that is over."""
    pauses = PauseFolder(settings.paused_dir)
    pauses.prepare()
    for name in destinations:
        if not NAME.fullmatch(name):
            raise BackupError(f"{MANIFEST} names a destination that cannot be one.")
        pauses.pause(name)


def _copy_files(source: Path, state: Path, manifest: Manifest) -> None:
    missing = 0
    for folder, ledger in FOLDERS.items():
        if ledger not in manifest.ledgers:
            continue
        for named in named_files(source / ledger, folder):
            target = state / folder / named.path
            target.unlink(missing_ok=True)  # of a restore that was broken off
            try:
                copy_file(source / folder / named.path, target, named.size, named.sha256)
            except FileNotFoundError:
                missing += 1
    if missing != manifest.removed_meanwhile:
        raise BackupError(f"{missing} files are missing from the backup.")


def _read(source: Path) -> Manifest:
    try:
        said = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
        return Manifest(**said | {"paused": tuple(said.get("paused", ()))})
    except FileNotFoundError:
        raise BackupError(f"{source} has no {MANIFEST}: no backup, or one that was broken off.") from None
    except (ValueError, TypeError, AttributeError):
        raise BackupError(f"{source / MANIFEST} cannot be read.") from None
