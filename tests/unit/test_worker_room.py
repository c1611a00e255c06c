"""A full disk: the receiver answers A700, the worker waits, and both go on by themselves."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ctsma_node.cli import app, status
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.receive import refusal, store
from ctsma_node.records import Association, Case, SeriesState
from ctsma_node.spool import Spool
from ctsma_node.worker import room
from ctsma_node.worker.loop import Worker
from tests.acceptance.site import until
from tests.acceptance.stand_ins import Arrivals, FakeAnalyser
from tests.fixtures.ct_series import StackPlan, single_frames
from tests.fixtures.encoded import ct_slice
from tests.fixtures.node_state import settings_in
from tests.unit.receive.test_store import request_for

GB = 10**9


class Disk:
    free = 0

    def __call__(self, _: Path) -> int:
        return self.free


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    full = Disk()
    monkeypatch.setattr(store, "free_bytes", full)
    monkeypatch.setattr(room, "free_bytes", full)
    return full


def test_the_receiver_goes_on_when_space_is_freed(disk: Disk, tmp_path: Path) -> None:
    spool, quarantine = Spool(tmp_path / "spool"), Spool(tmp_path / "quarantine")
    spool.prepare()
    inbox = Inbox(tmp_path / "inbox.sqlite3")
    inbox.open_association(Association("a", "PACS", "192.0.2.10", 1.0))
    receive = store.Store(inbox, spool, quarantine, GB)
    disk.free = GB - 1
    assert receive(request_for(ct_slice())) is refusal.OUT_OF_RESOURCES
    assert not [path for path in spool.folder.rglob("*") if path.is_file()]
    disk.free = 2 * GB
    assert receive(request_for(ct_slice())) is None
    inbox.close()


def test_a_case_waits_for_room_and_loses_no_attempt(disk: Disk, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    arrivals = Arrivals(settings)
    slices = single_frames(StackPlan(rows=8, columns=8))
    arrivals.bring(slices)
    worker = Worker(settings, FakeAnalyser())
    worker.recover()
    worker.sweep()
    assert not worker.work_once()
    (case,) = worker._cases.in_state()
    assert (case.state, case.attempts) == (SeriesState.STABLE, 0)
    disk.free = GB
    assert worker.work_once()
    assert worker._cases.get(case.id).state is SeriesState.ACCEPTED
    worker.close()
    arrivals.inbox.close()


def test_a_step_that_could_not_be_written_down_is_taken_again(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.free = GB
    settings, move, failed = settings_in(tmp_path), Cases.move, threading.Event()
    arrivals = Arrivals(settings)
    arrivals.bring(single_frames(StackPlan(rows=8, columns=8)))

    def move_later(self: Cases, case_id: int, to: SeriesState, **facts: Any) -> Case:
        if to is SeriesState.ACCEPTED and not failed.is_set():
            failed.set()
            raise sqlite3.OperationalError("database or disk is full")
        return move(self, case_id, to, **facts)

    monkeypatch.setattr(Cases, "move", move_later)
    worker = Worker(settings, FakeAnalyser())
    working = threading.Thread(target=worker.run)
    working.start()
    try:
        until(lambda: worker._cases.in_state(SeriesState.REPORTED), "reported")
    finally:
        worker.stop()
        working.join()
        arrivals.inbox.close()
    assert failed.is_set()


@pytest.mark.parametrize(("free", "said"), [(4 * GB, []), (3 * GB, ["A700"]), (GB // 10, ["A700", "wait"])])
def test_status_says_which_limit_is_reached(
    free: int, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "free_bytes", lambda _: free)
    (tmp_path / "state").mkdir()
    config = tmp_path / "node.toml"
    config.write_text('[node]\nstate_dir = "state"\n')
    shown = CliRunner().invoke(app, ["status", "--config", str(config)]).output
    assert [word for word in ("A700", "wait") if word in shown] == said
