"""Puts a backup in the place of a state folder that has no ledgers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ctsma_node.backup.copy import BackupError, check_ledger, copy_file, digest_of, sync_below
from ctsma_node.backup.putting import put_ledgers
from ctsma_node.backup.taking import FOLDERS, LEDGERS, MANIFEST, Manifest
from ctsma_node.clock import keep_last_seen
from ctsma_node.config import Settings
from ctsma_node.config.section import NAME
from ctsma_node.ledger.named import named_files
from ctsma_node.pauses import PauseFolder
from ctsma_node.spool import PART, make_private

_BESIDE = ("", "-wal", "-shm", "-journal")
"""What SQLite takes for a part of the file beside which it lies, whichever file that is by now."""


def restore(source: Path, settings: Settings) -> Manifest:
    """Check a backup and copy it into the state folder; the ledgers come last, by one rename each.

    A restore that is broken off leaves no ledger, and can be done again. What the node made or received after
    the backup was taken is not known to it any more: files without rows are adopted at the receiver's start.
    Raises BackupError where the backup is not whole or the folder holds a node's state.
    """
    manifest = _read(source)
    state = settings.node.state_dir
    _refuse_what_is_there(settings)
    for name, sha256 in manifest.ledgers.items():
        if not (source / name).exists() or digest_of(source / name) != sha256:
            raise BackupError(f"{name} of the backup is not the one its manifest names.")
        check_ledger(source / name)
    make_private(state)
    _copy_files(source, state, manifest)
    _pause(settings, manifest.paused)
    for process in ("receive", "work"):  # the clock of another machine may be ahead
        keep_last_seen(settings.clock_path(process), manifest.taken_at)
    sync_below(state)
    put_ledgers(source, state, [name for name in reversed(LEDGERS) if name in manifest.ledgers])
    return manifest


def _refuse_what_is_there(settings: Settings) -> None:
    state = settings.node.state_dir
    names = (name + beside for name in LEDGERS for beside in _BESIDE)
    if present := [name for name in names if (state / name).exists()]:
        raise BackupError(f"{state} holds {' and '.join(present)}: move that away first.")
    if settings.commands_dir.is_dir() and any(settings.commands_dir.iterdir()):
        raise BackupError(
            f"{settings.commands_dir} holds wishes about cases of another ledger: move that away first."
        )


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
        known = named_files(source / ledger, folder)
        if folder == "outbox":
            _refuse_other_results(state / folder, {named.path for named in known})
        for named in known:
            target = state / folder / named.path
            for left in (target, target.with_name(target.name + PART)):  # of a restore that was broken off
                left.unlink(missing_ok=True)
            try:
                copy_file(source / folder / named.path, target, named.size, named.sha256)
            except FileNotFoundError:
                missing += 1
    if missing != manifest.removed_meanwhile:
        raise BackupError(f"{missing} files are missing from the backup.")


def _refuse_other_results(outbox: Path, known: set[str]) -> None:
    """Results of cases that the backup does not know lie where those of its next cases will."""
    found = {str(path.relative_to(outbox)) for path in outbox.rglob("*") if path.is_file()}
    others = {path for path in found if path.removesuffix(PART) not in known}
    if others:
        raise BackupError(
            f"{outbox} holds {len(others)} files that the backup does not name: move that away first. "
            "What was received after the backup is analysed again."
        )


def _read(source: Path) -> Manifest:
    try:
        said = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
        return Manifest(**said | {"paused": tuple(said.get("paused", ()))})
    except FileNotFoundError:
        raise BackupError(f"{source} has no {MANIFEST}: no backup, or one that was broken off.") from None
    except (ValueError, TypeError, AttributeError):
        raise BackupError(f"{source / MANIFEST} cannot be read.") from None
