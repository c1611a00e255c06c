"""A backup holds what the ledgers name, whole; a restored node goes on as if nothing had been."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ctsma_node.backup import BackupError, putting, restore, take
from ctsma_node.backup.copy import copy_ledger
from ctsma_node.cli import app
from ctsma_node.clock import ClockWatch
from ctsma_node.config import Settings
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.inbox import Inbox, InboxReader
from ctsma_node.pauses import PauseFolder
from ctsma_node.receive.recover import recover
from ctsma_node.records import SeriesState
from ctsma_node.spool import Spool, write_durably
from ctsma_node.worker.pausing import Pausing
from tests.fixtures.ct_series import StackPlan, single_frames
from tests.fixtures.node_state import NodeState, settings_in


@pytest.fixture
def state(tmp_path: Path) -> Iterator[NodeState]:
    made = NodeState(settings_in(tmp_path))
    made.bring()
    made.end(1, SeriesState.DELIVERED, 1000.0)
    made.bring()
    yield made
    made.close()


def files_in(settings: Settings) -> dict[str, bytes]:
    folders = (settings.spool_dir, settings.outbox_dir)
    return {
        str(path.relative_to(folder.parent)): path.read_bytes()
        for folder in folders
        for path in folder.rglob("*.dcm")
    }


def test_a_restored_node_has_everything_and_alarms_on_nothing(state: NodeState, tmp_path: Path) -> None:
    manifest = take(state.settings, tmp_path / "backup")
    assert manifest.files == {"spool": 6, "quarantine": 0, "outbox": 1}
    back = settings_in(tmp_path / "elsewhere")
    restore(tmp_path / "backup", back)
    assert files_in(back) == files_in(state.settings)
    with closing(Cases(back.ledger_path)) as cases:
        assert [case.state for case in cases.in_state()] == [SeriesState.DELIVERED, SeriesState.RECEIVING]
        assert cases.events(1) == state.cases.events(1)
    inbox, quarantine = Inbox(back.inbox_path), Spool(back.quarantine_dir)
    quarantine.prepare()
    found = recover(inbox, Spool(back.spool_dir), quarantine)
    inbox.close()
    assert (found.missing, found.unindexed, found.unexplained) == (0, (), ())
    assert (back.spool_dir.stat().st_mode | back.inbox_path.stat().st_mode) & 0o077 == 0


def test_a_backup_taken_while_instances_come_is_consistent(state: NodeState, tmp_path: Path) -> None:
    stop = threading.Event()

    def receive() -> None:
        while not stop.is_set():
            state.arrivals.bring(single_frames(StackPlan(rows=8, columns=8))[:5], 2000.0)

    sender = threading.Thread(target=receive)
    sender.start()
    try:
        for number in range(3):
            take(state.settings, tmp_path / f"backup-{number}")
    finally:
        stop.set()
        sender.join()
    back = settings_in(tmp_path / "elsewhere")
    restore(tmp_path / "backup-2", back)
    reader = InboxReader(back.inbox_path)
    rows = reader.instances_after(0)
    reader.close()
    assert len(rows) >= 6
    assert {row.path for row in rows} == set(Spool(back.spool_dir).files())


def test_a_file_that_changed_on_the_disk_is_found(state: NodeState, tmp_path: Path) -> None:
    path = state.arrivals.spool.path(state.spooled()[0])
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BackupError, match="not what its row says"):
        take(state.settings, tmp_path / "backup")
    assert not (tmp_path / "backup" / "backup.json").exists()


def test_a_file_that_is_lost_is_found(state: NodeState, tmp_path: Path) -> None:
    state.arrivals.spool.remove(state.spooled()[0])
    with pytest.raises(BackupError, match="a row and no file"):
        take(state.settings, tmp_path / "backup")


def test_files_that_retention_removes_meanwhile_are_counted(
    state: NodeState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy_and_purge(source: Path, target: Path) -> None:
        copy_ledger(source, target)
        if source == state.settings.inbox_path:
            uid = state.cases.get(1).series_uid
            for path in state.arrivals.inbox.mark_series_purged(uid, 1e12, 10**6, 1.0):
                state.arrivals.spool.remove(path)

    monkeypatch.setattr("ctsma_node.backup.taking.copy_ledger", copy_and_purge)
    assert take(state.settings, tmp_path / "backup").removed_meanwhile == 3
    restore(tmp_path / "backup", settings_in(tmp_path / "elsewhere"))


def test_a_restored_ledger_is_durable_before_it_has_its_name(
    state: NodeState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(state.settings, tmp_path / "backup")
    done: list[str] = []
    fsync, rename = os.fsync, os.rename

    def traced_fsync(descriptor: int) -> None:
        done.append("fsync " + Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def traced_rename(source: Path, target: Path) -> None:
        done.append(f"rename {Path(source).name}")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", traced_fsync)
    monkeypatch.setattr(os, "rename", traced_rename)
    monkeypatch.setattr(os, "replace", traced_rename)
    restore(tmp_path / "backup", settings_in(tmp_path / "elsewhere"))
    last = [line for line in done if line.startswith("fsync state") or "inbox" in line or "ledger" in line]
    named = [f"rename {name}.sqlite3.restoring" for name in ("inbox", "ledger")]
    assert last[-4:] == [named[0], "fsync state", named[1], "fsync state"]
    for name in ("inbox", "ledger"):
        assert done.index(f"fsync {name}.sqlite3.restoring.part") < done.index(named[0])


def test_a_damaged_or_unfinished_backup_is_not_restored(state: NodeState, tmp_path: Path) -> None:
    take(state.settings, tmp_path / "backup")
    back = settings_in(tmp_path / "elsewhere")
    (spooled, *_) = (tmp_path / "backup" / "spool").rglob("*.dcm")
    content = spooled.read_bytes()
    spooled.write_bytes(content[:-1] + b"?")
    with pytest.raises(BackupError, match="not what its row says"):
        restore(tmp_path / "backup", back)
    assert not back.inbox_path.exists()
    spooled.write_bytes(content)
    restore(tmp_path / "backup", back)  # over what the first left
    (tmp_path / "backup" / "backup.json").unlink()
    with pytest.raises(BackupError, match="broken off"):
        restore(tmp_path / "backup", settings_in(tmp_path / "third"))


@pytest.mark.parametrize("beside", ["ledger.sqlite3-wal", "inbox.sqlite3-shm", "inbox.sqlite3-journal"])
def test_what_belongs_to_a_ledger_that_was_moved_away_is_moved_away_first(
    state: NodeState, tmp_path: Path, beside: str
) -> None:
    """SQLite would replay it into the ledger that is restored, and find that damaged."""
    take(state.settings, tmp_path / "backup")
    back = settings_in(tmp_path / "elsewhere")
    left = back.node.state_dir / beside
    left.parent.mkdir(parents=True, exist_ok=True)
    left.touch()
    with pytest.raises(BackupError, match=beside):
        restore(tmp_path / "backup", back)
    left.unlink()
    restore(tmp_path / "backup", back)


def test_an_instance_that_was_purged_before_the_backup_and_came_again_after_it_stays(
    state: NodeState, tmp_path: Path
) -> None:
    arrivals = state.arrivals
    kept = files_in(state.settings)
    for path in arrivals.inbox.mark_series_purged(state.cases.get(1).series_uid, 1e12, 10**6, 1.0):
        arrivals.spool.remove(path)
    take(state.settings, tmp_path / "backup")
    back = settings_in(tmp_path / "elsewhere")
    for name, content in kept.items():  # all of them, as if received again
        (back.node.state_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (back.node.state_dir / name).write_bytes(content)
    restore(tmp_path / "backup", back)
    inbox, quarantine = Inbox(back.inbox_path), Spool(back.quarantine_dir)
    quarantine.prepare()
    found = recover(inbox, Spool(back.spool_dir), quarantine)
    inbox.close()
    assert (found.missing, len(found.unindexed)) == (0, 3)
    assert files_in(back).keys() == kept.keys()


def test_a_restore_that_was_killed_can_be_done_again(state: NodeState, tmp_path: Path) -> None:
    take(state.settings, tmp_path / "backup")
    back = settings_in(tmp_path / "elsewhere")
    parts = [
        back.spool_dir / f"{state.spooled()[0]}.part",
        back.inbox_path.with_suffix(".sqlite3.restoring.part"),
    ]
    for part in parts:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(b"half")
    restore(tmp_path / "backup", back)
    assert files_in(back) == files_in(state.settings)
    assert not any(part.exists() for part in parts)


def test_a_disk_that_is_full_at_the_last_ledger_leaves_none(
    state: NodeState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(state.settings, tmp_path / "backup")
    back = settings_in(tmp_path / "elsewhere")

    def full(target: Path, chunks: Iterator[bytes]) -> None:
        if "ledger" in target.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_durably(target, chunks)

    with monkeypatch.context() as patched:
        patched.setattr(putting, "write_durably", full)
        with pytest.raises(OSError, match="No space"):
            restore(tmp_path / "backup", back)
    assert not back.inbox_path.exists()
    restore(tmp_path / "backup", back)


@pytest.mark.parametrize("folder", ["outbox/9", "commands"])
def test_results_and_wishes_of_cases_that_the_backup_does_not_know_are_moved_away_first(
    state: NodeState, tmp_path: Path, folder: str
) -> None:
    take(state.settings, tmp_path / "backup")
    back = settings_in(tmp_path / "elsewhere")
    (back.node.state_dir / folder).mkdir(parents=True)
    (back.node.state_dir / folder / "0.dcm").touch()
    with pytest.raises(BackupError, match="move that away first"):
        restore(tmp_path / "backup", back)


def test_a_machine_whose_clock_is_ahead_removes_nothing_of_what_was_restored(
    state: NodeState, tmp_path: Path
) -> None:
    take(state.settings, tmp_path / "backup", lambda: 1000.0)
    back = settings_in(tmp_path / "elsewhere")
    restore(tmp_path / "backup", back)
    for process in ("receive", "work"):
        assert not ClockWatch(back.clock_path(process), lambda: 1000.0 + 365 * 86400.0).is_trusted()
        assert ClockWatch(back.clock_path(process), lambda: 1060.0).is_trusted()


def test_the_commands_refuse_to_write_over_anything(state: NodeState, tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text('[node]\nstate_dir = "state"\n')
    target = str(tmp_path / "backup")
    assert CliRunner().invoke(app, ["backup", target, "--config", str(config)]).exit_code == 0
    again = CliRunner().invoke(app, ["backup", target, "--config", str(config)])
    assert (again.exit_code, "is not empty" in again.output) == (1, True)
    over = CliRunner().invoke(app, ["restore", target, "--config", str(config)])
    assert (over.exit_code, "move that away first" in over.output) == (1, True)


def test_what_was_paused_stays_paused(state: NodeState, tmp_path: Path) -> None:
    pausing = Pausing(PauseFolder(state.settings.paused_dir), state.cases)
    pausing.prepare()
    PauseFolder(state.settings.paused_dir).pause("pacs")
    pausing.sweep()
    assert take(state.settings, tmp_path / "backup").paused == ("pacs",)
    back = settings_in(tmp_path / "elsewhere")
    restore(tmp_path / "backup", back)
    with closing(Cases(back.ledger_path)) as cases:
        Pausing(PauseFolder(back.paused_dir), cases).sweep()  # as the worker does at its start
        assert list(cases.paused()) == ["pacs"]


@pytest.mark.parametrize("named", [[], ["../pacs"]])
def test_the_manifest_of_another_version_or_hand(state: NodeState, tmp_path: Path, named: list[str]) -> None:
    take(state.settings, tmp_path / "backup")
    manifest = tmp_path / "backup" / "backup.json"
    said = json.loads(manifest.read_text())
    del said["paused"]
    manifest.write_text(json.dumps(said | ({"paused": named} if named else {})))
    back = settings_in(tmp_path / "elsewhere")
    if named:
        with pytest.raises(BackupError, match="cannot be one"):
            restore(tmp_path / "backup", back)
        assert not back.ledger_path.exists()
    else:
        assert restore(tmp_path / "backup", back).paused == ()


@contextmanager
def files_no_larger_than(n_bytes: int) -> Iterator[None]:
    """A disk that is full, for SQLite: a write that goes beyond fails."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_is_full_for_a_ledger_is_said_with_both_places(state: NodeState, tmp_path: Path) -> None:
    with pytest.raises(BackupError) as caught, files_no_larger_than(8192):
        take(state.settings, tmp_path / "backup")
    for said in (state.settings.ledger_path, tmp_path / "backup" / "ledger.sqlite3", "room on that disk"):
        assert str(said) in str(caught.value)


def test_a_file_that_is_no_ledger_is_said_by_name(tmp_path: Path) -> None:
    source = tmp_path / "ledger.sqlite3"
    source.write_bytes(b"garbage" * 1000)
    with pytest.raises(BackupError, match=r"ledger\.sqlite3 is damaged .*ctsma-node restore"):
        copy_ledger(source, tmp_path / "copy.sqlite3")
